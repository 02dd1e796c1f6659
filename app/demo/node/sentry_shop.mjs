// The demo's shop on @sentry/node: one visit for each line of JSON that comes in, one line out when it is sent.
// SENTRY_DSN and SENTRY_RELEASE say where to and as what.
import { createInterface } from 'node:readline';

import * as Sentry from '@sentry/node';

import { serve } from './storefront.mjs';

// The SDK holds 64 requests at most: its queue is waited for so often that it never drops any.
const FLUSH_EVERY = 25;
const PATIENCE_MS = 10000;

Sentry.init({
  environment: 'production',
  serverName: 'api-1',
  // Only the shop's own visits are sessions, the process is none; and two customers who meet the same error one after
  // the other are two events, which Dedupe would make one.
  integrations: (defaults) => defaults.filter(({ name }) => name !== 'ProcessSession' && name !== 'Dedupe'),
});

async function visit(seen) {
  Sentry.setUser({ id: `customer-${seen.customer}`, email: `customer${seen.customer}@example.org` });
  Sentry.setTag('checkout', seen.customer % 3 ? 'express' : 'classic');
  Sentry.startSession();
  Sentry.addBreadcrumb({ category: 'navigation', message: `/articles/${seen.sku}`, type: 'navigation' });
  Sentry.addBreadcrumb({ category: 'cart', message: `added ${seen.sku}`, data: { order: seen.order } });
  if (seen.outcome === 'message') Sentry.captureMessage(`stock of ${seen.sku} is low`, 'warning');
  try {
    if (seen.outcome !== 'message') serve(seen);
  } catch (error) {
    Sentry.captureException(error, { mechanism: { type: 'shop', handled: seen.outcome === 'handled' } });
  }
  // The session learns of an event only once that is processed (source lines are read meanwhile).
  if (seen.outcome !== 'fine') await Sentry.flush(PATIENCE_MS);
  Sentry.endSession();
}

let number = 0;
for await (const line of createInterface({ input: process.stdin })) {
  await Sentry.withIsolationScope(() => visit(JSON.parse(line)));
  number += 1;
  if (number % FLUSH_EVERY === 0) await Sentry.flush(PATIENCE_MS);
  process.stdout.write(`${number}\n`);
}
await Sentry.flush(PATIENCE_MS);
