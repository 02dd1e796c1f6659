// The demo's shop on raygun (Node): reads one visit a line of JSON, and writes a line once the visit is handed to the SDK.
// RAYGUN_KEY, RAYGUN_URL and SHOP_RELEASE name the destination and the release.
import { createInterface } from 'node:readline';

import raygun from 'raygun';

import { serve } from './storefront.mjs';

const address = new URL(process.env.RAYGUN_URL);
const client = new raygun.Client().init({
  apiKey: process.env.RAYGUN_KEY,
  host: address.hostname,
  port: Number(address.port || (address.protocol === 'https:' ? 443 : 80)),
  useSSL: address.protocol === 'https:',
});
client.setVersion(process.env.SHOP_RELEASE);

let at = new Date();
client.onBeforeSend((message) => ({ ...message, occurredOn: at }));

async function visit(planned) {
  at = new Date(Date.now() - planned.ago * 1000);
  client.addBreadcrumb(`added ${planned.sku}`);
  try {
    serve(planned);
  } catch (error) {
    await client.send(error, {
      customData: { order: planned.order, sku: planned.sku, environment: planned.environment },
      tags: ['worker', 'demo:made-up', ...(planned.outcome === 'crash' ? ['uncaughtException'] : [])],
      userInfo: { identifier: `customer-${planned.customer}`, email: `customer${planned.customer}@example.org` },
    });
  }
}

let number = 0;
for await (const line of createInterface({ input: process.stdin })) {
  await visit(JSON.parse(line));
  number += 1;
  process.stdout.write(`${number}\n`);
}
