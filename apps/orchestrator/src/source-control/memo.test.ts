import { expect, test } from 'vitest';
import { Memo } from './memo.ts';

const counting = (values: readonly (string | Error)[]) => {
  let calls = 0;
  return {
    calls: () => calls,
    work: async () => {
      const value = values[calls++];
      if (value instanceof Error) throw value;
      return value ?? 'more than expected';
    },
  };
};

test('asks once for a key, even while it is being asked', async () => {
  const memo = new Memo<string>(2);
  const { work, calls } = counting(['a']);
  expect(await Promise.all([memo.of(['k'], work), memo.of(['k'], work)])).toEqual(['a', 'a']);
  expect(await memo.of(['k'], work)).toBe('a');
  expect(calls()).toBe(1);
});

test('a failure is not held', async () => {
  const memo = new Memo<string>(2);
  const { work } = counting([new Error('git'), 'a']);
  await expect(memo.of(['k'], work)).rejects.toThrow('git');
  expect(await memo.of(['k'], work)).toBe('a');
});

test('what is too large is not held; the oldest go first', async () => {
  const memo = new Memo<string>(2, (value) => value.length < 3);
  const { work } = counting(['long', 'b', 'c', 'd', 'e']);
  await memo.of(['x'], work);
  expect(await memo.of(['x'], work)).toBe('b');
  await memo.of(['y'], work);
  await memo.of(['z'], work);
  expect(await memo.of(['x'], work)).toBe('e');
});

test('keys do not run together', async () => {
  const memo = new Memo<string>(4);
  const { work } = counting(['a', 'b']);
  expect(await memo.of(['a b'], work)).not.toBe(await memo.of(['a', 'b'], work));
});
