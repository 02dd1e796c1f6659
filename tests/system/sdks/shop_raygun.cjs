// A shop that reports by raygun (Node): a chained error, then a crash. RAYGUN_KEY, RAYGUN_ADDRESS and RAYGUN_PORT say where to.
const raygun = require('raygun');

const client = new raygun.Client().init({
  apiKey: process.env.RAYGUN_KEY,
  host: process.env.RAYGUN_ADDRESS,
  port: Number(process.env.RAYGUN_PORT),
  useSSL: false,
  innerErrorFieldName: 'cause',
  reportUncaughtExceptions: true,
});
client.setVersion('1.2.0');
client.user = () => ({ identifier: 'user-7', email: 'ada@example.org' });
client.setTags(['gold']);

function price(sku) {
  throw new RangeError(`no price for ${sku}`);
}

function checkout(sku) {
  try {
    return price(sku);
  } catch (error) {
    throw new Error('cannot price the cart', { cause: error });
  }
}

async function main() {
  client.addBreadcrumb('added a pear');
  try {
    checkout('pear');
  } catch (error) {
    await client.send(error, { customData: { cart: 'c-1' } });
  }
  setTimeout(() => checkout('plum'), 10);
}

main();
