import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { createApp } from '../src/app.js';
import { openDatabase } from '../src/database.js';
import { listen } from '../src/listen.js';

let server;
const get = async (path) => {
  const response = await fetch(`http://127.0.0.1:${server.port}${path}`);
  return { status: response.status, body: await response.json() };
};

before(async () => {
  server = await listen(createApp({ database: openDatabase(':memory:') }), 0);
});
after(() => server.close());

test('lists every product by name', async () => {
  const { status, body } = await get('/products');
  assert.equal(status, 200);
  assert.deepEqual(
    body.products.map((product) => product.id),
    ['kettle', 'mug', 'knife', 'lantern', 'matches', 'blanket'],
  );
});

test('shows a product with its price', async () => {
  const { body } = await get('/products/mug');
  assert.equal(body.name, 'Enamel mug');
  assert.equal(body.price, '€12.50');
});

test('tells from how many the bulk discount holds', async () => {
  const { body } = await get('/products/mug');
  assert.deepEqual(body.bulk, { from: 10, percent: 5 });
});

test('says when there is no such product', async () => {
  const { status, body } = await get('/products/anvil');
  assert.equal(status, 404);
  assert.equal(body.error, 'there is no product anvil');
});

test('is healthy once there is something to sell', async () => {
  assert.deepEqual((await get('/healthz')).body, { ok: true });
});
