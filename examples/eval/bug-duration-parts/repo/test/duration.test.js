import assert from 'node:assert/strict';
import test from 'node:test';
import { duration } from '../src/duration.js';

test('reads hours', () => assert.equal(duration('2h'), 7200));
test('refuses words', () => assert.throws(() => duration('soon')));
