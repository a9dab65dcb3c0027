import { afterEach, expect, test, vi } from 'vitest';
import { keepRollbackCaches } from './rollback-cache.ts';

afterEach(() => vi.useRealTimers());

test('a rollback cache that could not be written is written again, until it is', async () => {
  vi.useFakeTimers();
  const keepRollbackCache = vi.fn().mockRejectedValueOnce(new Error('no space left')).mockResolvedValue(null);
  const warn = vi.fn();
  const stop = await keepRollbackCaches({
    register: { look: async () => ({ repositories: () => ['shop'] }) },
    listen: () => () => undefined,
    deployments: { keepRollbackCache },
    log: { warn },
  } as never);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(keepRollbackCache.mock.calls).toEqual([['shop'], ['shop']]);
  expect(warn).toHaveBeenCalledOnce();
  await stop();
});
