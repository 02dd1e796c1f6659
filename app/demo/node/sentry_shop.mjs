// The demo's shop on @sentry/node: reads one visit a line of JSON, and writes a line once the visit is handed to the SDK.
// SENTRY_DSN and SENTRY_RELEASE name the destination and the release.
import { createInterface } from 'node:readline';

import * as Sentry from '@sentry/node';

import { serve } from './storefront.mjs';

// The SDK queues 64 requests at most: it is flushed so often that it never overflows.
const FLUSH_EVERY = 25;
const PATIENCE_MS = 10000;

Sentry.init({
  environment: 'production',
  serverName: 'api-1',
  // Only visits are sessions, the process is none. Dedupe would merge the events of two customers who meet the same
  // error one after the other.
  integrations: (defaults) => defaults.filter(({ name }) => name !== 'ProcessSession' && name !== 'Dedupe'),
});

async function visit(planned) {
  const at = Date.now() / 1000 - planned.ago;
  Sentry.setUser({ id: `customer-${planned.customer}`, email: `customer${planned.customer}@example.org` });
  Sentry.setTag('checkout', planned.customer % 3 ? 'express' : 'classic');
  Sentry.setTag('demo', 'made-up');
  Sentry.getIsolationScope().addEventProcessor((event) => ({ ...event, timestamp: at, environment: planned.environment }));
  Sentry.startSession({ started: at, environment: planned.environment });
  Sentry.addBreadcrumb({ category: 'navigation', message: `/articles/${planned.sku}`, type: 'navigation', timestamp: at });
  Sentry.addBreadcrumb({ category: 'cart', message: `added ${planned.sku}`, data: { order: planned.order }, timestamp: at });
  // As loggers do: the text and its parameters, apart.
  if (planned.outcome === 'message') Sentry.captureMessage(Sentry.parameterize`stock of ${planned.sku} is low`, 'warning');
  try {
    if (planned.outcome !== 'message') serve(planned);
  } catch (error) {
    Sentry.captureException(error, { mechanism: { type: 'shop', handled: planned.outcome === 'handled' } });
  }
  // The session learns of an event only once that is processed (source lines are read meanwhile).
  if (planned.outcome !== 'fine') await Sentry.flush(PATIENCE_MS);
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
