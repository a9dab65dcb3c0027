import assert from 'node:assert/strict';
import test from 'node:test';
import { cart } from '../src/cart.js';
import { invoice } from '../src/invoice.js';

const LINES = [{ price: 0.1, count: 3 }];
test('an invoice', () => assert.deepEqual(invoice(LINES, 0.2), { net: 0.3, total: 0.36 }));
test('a cart', () => assert.equal(cart(LINES, 0.5), 0.15));
