import { expect, test } from 'vitest';
import { LocalLeases } from './local-leases.ts';

test('one at a time a key, in order; a failure is its own caller’s; who priority is told to whoever is at work', async () => {
  const leases = new LocalLeases<string>();
  const said: string[] = [];
  let release = () => {};
  const first = leases.run('a', async (preempted) => {
    await new Promise<void>((resolve) => {
      release = resolve;
      preempted.addEventListener('abort', () => resolve());
    });
    said.push(`first, preempted ${preempted.aborted}`);
    throw new Error('its own');
  });
  expect(leases.isWaitedFor('a')).toBe(false);
  const second = leases.run(
    'a',
    async (preempted) => void said.push(`second, preempted ${preempted.aborted}`),
  );
  const other = await leases.run('b', async () => 'another key waits for nobody');
  expect(other).toMatch(/another/);
  expect([leases.busy('a'), leases.isWaitedFor('a'), leases.busy('b')]).toEqual([true, true, false]);
  // Nobody has preempted yet: the first one goes on waiting, until somebody does.
  expect(said).toEqual([]);
  const third = leases.run(
    'a',
    async (preempted) => void said.push(`third, preempted ${preempted.aborted}`),
    {
      priority: new Error('it has priority'),
    },
  );
  await expect(first).rejects.toThrow('its own');
  await Promise.all([second, third]);
  release();
  expect(said).toEqual(['first, preempted true', 'second, preempted true', 'third, preempted false']);
  expect(leases.busy('a')).toBe(false);
});

test('what is left for behind is done before the next one’s turn, and its caller waits for none of it', async () => {
  const leases = new LocalLeases<string>();
  const said: string[] = [];
  let go = () => {};
  const held = new Promise<void>((resolve) => {
    go = resolve;
  });
  const answer = await leases.run('a', async (_, behind) => {
    behind(() => held.then(() => void said.push('behind')));
    return 'the answer';
  });
  expect(answer).toBe('the answer');
  const next = leases.run('a', async () => void said.push('next'));
  expect([leases.busy('a'), leases.isWaitedFor('a')]).toEqual([true, true]);
  let over = false;
  const all = leases.settled().then(() => {
    over = true;
  });
  await new Promise((resolve) => setTimeout(resolve, 5));
  expect([said, over]).toEqual([[], false]);
  go();
  await Promise.all([next, all]);
  expect(said).toEqual(['behind', 'next']);
  expect(leases.busy('a')).toBe(false);
});
