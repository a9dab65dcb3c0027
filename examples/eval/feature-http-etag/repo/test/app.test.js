import assert from 'node:assert/strict';
import test from 'node:test';
import { app } from '../src/app.js';

test('has items', async () => {
  const server = app().listen(0);
  const response = await fetch(`http://127.0.0.1:${server.address().port}/items/1`);
  assert.deepEqual(await response.json(), { id: '1', name: 'Kettle' });
  server.close();
});
