import assert from 'node:assert/strict';
import test from 'node:test';
import { count } from '../src/count.js';

test('counts', () => assert.deepEqual(count('a b\nc\n'), { lines: 2, words: 3, characters: 6 }));
