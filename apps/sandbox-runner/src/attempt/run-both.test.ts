import { expect, test } from 'vitest';
import { together } from './run-both.ts';
import type { Held } from './runner.ts';

const held = (signal: AbortSignal) => ({ signal }) as Held;
const aborted = (signal: AbortSignal) =>
  new Promise<never>((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));

test('gives both results; the other may wait for the one', async () => {
  const both = together(
    held(new AbortController().signal),
    async () => 2,
    async (_, one) => (await one) * 3,
  );
  expect(await both).toEqual([2, 6]);
});

test.each(['one', 'other'])('what %s threw is thrown, once the rest has stopped', async (which) => {
  const stopped: unknown[] = [];
  const fails = async () => {
    throw new Error('broken');
  };
  const waits = ({ signal }: Held) =>
    aborted(signal).catch((error: Error) => {
      stopped.push(error.message);
      throw new Error('only because of that');
    });
  const signal = new AbortController().signal;
  const both = which === 'one' ? together(held(signal), fails, waits) : together(held(signal), waits, fails);
  await expect(both).rejects.toThrow('broken');
  expect(stopped).toEqual(['broken']);
});

test('an abort of the attempt reaches both', async () => {
  const stop = new AbortController();
  const waits = ({ signal }: Held) => aborted(signal);
  const both = together(held(stop.signal), waits, waits);
  stop.abort(new Error('the runner stops'));
  await expect(both).rejects.toThrow('the runner stops');
});
