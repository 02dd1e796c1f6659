// The demo's shop: code that fails as real code does, each fault in a function of its own.
const prices = new Map([['apple', 120], ['pear', 180], ['plum', 90]]);

export class PricingError extends Error {
  name = 'PricingError';
}

function priceOf(article) {
  if (!prices.has(article)) throw new RangeError(`no price for ${article}`);
  return prices.get(article);
}

function priceCart(sku, order) {
  try {
    return priceOf(`${sku}-xl`);
  } catch (error) {
    throw new PricingError(`order ${order} has an article without a price`, { cause: error });
  }
}

// The bad release forgets that a cart may have no discount.
function applyDiscount(sku, order) {
  const cart = { order, articles: [sku] };
  return cart.articles.length * cart.discount.percent;
}

function ship(sku, order) {
  const customer = { billing: { city: 'Wellington' } };
  return `${sku} ${order} to ${customer.shipping.city}`;
}

function pay(sku, order) {
  throw new Error(`payment of order ${order} did not go through: no answer within ${3000 + order} ms`);
}

function redeem(sku, order) {
  throw new TypeError(`unknown coupon 'SPRING-${order}' for ${sku}`);
}

function reserve(sku, order) {
  throw new Error(`inventory at 10.0.3.${order % 250}:5432 refused to reserve ${sku}`);
}

const faults = { price: priceCart, discount: applyDiscount, address: ship, payment: pay, coupon: redeem, inventory: reserve };

export function serve({ fault, sku, order }) {
  return fault ? faults[fault](sku, order) : `${sku} for order ${order}`;
}
