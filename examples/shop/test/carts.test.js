import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { createApp } from '../src/app.js';
import { openDatabase } from '../src/database.js';
import { listen } from '../src/listen.js';

let server;
const call = async (method, path, body) => {
  const response = await fetch(`http://127.0.0.1:${server.port}${path}`, {
    method,
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  return { status: response.status, body: await response.json() };
};
const newCart = async () => (await call('POST', '/carts')).body.id;

before(async () => {
  server = await listen(createApp({ database: openDatabase(':memory:') }), 0);
});
after(() => server.close());

test('a new cart is empty', async () => {
  const { status, body } = await call('POST', '/carts');
  assert.equal(status, 201);
  assert.deepEqual(body.lines, []);
  assert.equal(body.total, '€0.00');
});

test('holds what was put in, and adds it up', async () => {
  const id = await newCart();
  await call('PUT', `/carts/${id}/lines/mug`, { quantity: 2 });
  const { body } = await call('PUT', `/carts/${id}/lines/matches`, { quantity: 1 });
  assert.deepEqual(
    body.lines.map((line) => [line.product, line.quantity, line.lineCents]),
    [
      ['matches', 1, 320],
      ['mug', 2, 2500],
    ],
  );
  assert.equal(body.totalCents, 2820);
});

test('a quantity of 0 takes the product out', async () => {
  const id = await newCart();
  await call('PUT', `/carts/${id}/lines/mug`, { quantity: 2 });
  const { body } = await call('PUT', `/carts/${id}/lines/mug`, { quantity: 0 });
  assert.deepEqual(body.lines, []);
});

test('refuses what cannot be', async () => {
  const id = await newCart();
  assert.equal((await call('GET', '/carts/none')).status, 404);
  assert.equal((await call('PUT', `/carts/${id}/lines/anvil`, { quantity: 1 })).status, 422);
  assert.equal((await call('PUT', `/carts/${id}/lines/mug`, { quantity: 1.5 })).status, 422);
  assert.equal((await call('PUT', `/carts/${id}/lines/mug`, { quantity: 121 })).status, 409);
  assert.equal((await call('PUT', `/carts/${id}/lines/mug`, '{')).status, 400);
  assert.equal((await call('DELETE', `/carts/${id}`)).status, 405);
});
