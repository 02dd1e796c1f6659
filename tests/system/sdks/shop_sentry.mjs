// A shop that reports by @sentry/node: a chained error, a message, then a crash. SENTRY_DSN says where to.
import * as Sentry from '@sentry/node';

Sentry.init({ release: 'shop@1.2.0', environment: 'production', serverName: 'web-1' });

const prices = new Map([['apple', 120]]);

function price(sku) {
  if (!prices.has(sku)) throw new RangeError(`no price for ${sku}`);
  return prices.get(sku);
}

function checkout(sku) {
  try {
    return price(sku);
  } catch (error) {
    throw new Error('cannot price the cart', { cause: error });
  }
}

Sentry.setUser({ id: 'user-7', email: 'ada@example.org' });
Sentry.setTag('plan', 'gold');
Sentry.addBreadcrumb({ category: 'cart', message: 'added a pear', level: 'info' });
try {
  checkout('pear');
} catch (error) {
  Sentry.captureException(error);
}
Sentry.captureMessage('stock of apples is low', 'warning');
await Sentry.flush(5000);
setTimeout(() => checkout('plum'), 10);
