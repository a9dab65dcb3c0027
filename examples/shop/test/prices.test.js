import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { format, lineCents, totalCents } from '../src/prices.js';

describe('lineCents', () => {
  test('a few cost their price', () => {
    assert.equal(lineCents(1250, 1), 1250);
    assert.equal(lineCents(1250, 9), 11250);
  });

  test('many cost five per cent less', () => {
    assert.equal(lineCents(1250, 20), 23750);
    assert.equal(lineCents(320, 100), 30400);
  });

  test('half a cent is rounded up', () => {
    assert.equal(lineCents(2995, 11), 31298);
  });
});

test('totalCents adds the lines', () => {
  assert.equal(totalCents([]), 0);
  assert.equal(
    totalCents([
      { unitCents: 1250, quantity: 2 },
      { unitCents: 320, quantity: 1 },
    ]),
    2820,
  );
});

test('format writes euros', () => {
  assert.equal(format(0), '€0.00');
  assert.equal(format(5), '€0.05');
  assert.equal(format(1250), '€12.50');
  assert.equal(format(-320), '-€3.20');
});
