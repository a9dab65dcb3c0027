import assert from 'node:assert/strict';
import test from 'node:test';
import { csv } from '../src/csv.js';

test('joins values', () => assert.equal(csv([['a', 1]]).trim(), 'a,1'));
