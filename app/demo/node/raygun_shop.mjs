// The demo's shop on raygun (Node): one visit for each line of JSON that comes in, one line out when it is sent.
// RAYGUN_KEY, RAYGUN_URL and SHOP_RELEASE say where to and as what.
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

async function visit(seen) {
  client.addBreadcrumb(`added ${seen.sku}`);
  try {
    serve(seen);
  } catch (error) {
    await client.send(error, {
      customData: { order: seen.order, sku: seen.sku },
      tags: seen.outcome === 'crash' ? ['worker', 'uncaughtException'] : ['worker'],
      userInfo: { identifier: `customer-${seen.customer}`, email: `customer${seen.customer}@example.org` },
    });
  }
}

let number = 0;
for await (const line of createInterface({ input: process.stdin })) {
  await visit(JSON.parse(line));
  number += 1;
  process.stdout.write(`${number}\n`);
}
