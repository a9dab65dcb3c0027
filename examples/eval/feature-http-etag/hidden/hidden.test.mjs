import assert from 'node:assert/strict';
import test from 'node:test';
import { app } from './src/app.js';

test('a tag', async (t) => {
  const server = app().listen(0);
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const get = (id, tag) =>
    fetch(
      `http://127.0.0.1:${server.address().port}/items/${id}`,
      tag ? { headers: { 'if-none-match': tag } } : {},
    );
  const first = await get('1');
  const tag = first.headers.get('etag');
  assert.match(tag ?? '', /^"[^"]+"$/);
  assert.deepEqual(await first.json(), { id: '1', name: 'Kettle' });
  for (const known of [tag, `W/${tag}`, `"other", ${tag}`, '*']) {
    const again = await get('1', known);
    assert.deepEqual([again.status, await again.text()], [304, ''], known);
  }
  assert.equal((await get('1', '"other"')).status, 200);
  assert.equal((await get('1', `"${tag.slice(1, -1)}x"`)).status, 200);
  const none = await get('2', '*');
  assert.deepEqual([none.status, none.headers.get('etag')], [404, null]);
});
