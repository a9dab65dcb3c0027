import assert from 'node:assert/strict';
import test from 'node:test';
import users from './src/users.js';

test('with await', async () => {
  assert.deepEqual(await users.find('2'), { id: '2', name: 'Grace' });
  await assert.rejects(users.find('9'), /no user 9/);
});
test('with a callback', async () => {
  const said = [];
  await new Promise((resolve) => {
    assert.equal(
      users.find('9', (...all) => {
        said.push(all);
        resolve();
      }),
      undefined,
    );
  });
  assert.match(said[0][0].message, /no user 9/);
});
test('what a callback throws is its own', async () => {
  let calls = 0;
  let rejected = 0;
  const own = process.listeners('uncaughtException');
  const rejections = process.listeners('unhandledRejection');
  process.removeAllListeners('uncaughtException').removeAllListeners('unhandledRejection');
  const thrown = new Promise((resolve) => process.once('uncaughtException', resolve));
  process.once('unhandledRejection', () => {
    rejected += 1;
  });
  users.find('1', () => {
    calls += 1;
    throw new Error('mine');
  });
  const first = await Promise.race([thrown, new Promise((resolve) => setTimeout(resolve, 500))]);
  process.removeAllListeners('uncaughtException').removeAllListeners('unhandledRejection');
  for (const one of own) process.on('uncaughtException', one);
  for (const one of rejections) process.on('unhandledRejection', one);
  assert.deepEqual([first?.message, calls, rejected], ['mine', 1, 0]);
});
