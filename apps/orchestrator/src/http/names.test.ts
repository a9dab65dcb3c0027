import { expect, test } from 'vitest';
import { withNames } from './names.ts';

const ANN = 'per_annannann';
const people = { list: async () => [{ id: ANN, name: 'Ann' }] } as never;

test('a text has names, a value keeps its id', async () => {
  const answer = {
    reason: `taken back: ${ANN} aborted it: see ${ANN}`,
    by: ANN,
    list: [`by ${ANN}`, 'per_nobodynobody was here', 3, null],
  };
  expect(await withNames({ store: { people } }, answer)).toEqual({
    reason: 'taken back: Ann aborted it: see Ann',
    by: ANN,
    list: ['by Ann', 'per_nobodynobody was here', 3, null],
  });
});

test('an answer without ids asks for no names; one whose names cannot be had leaves with the ids', async () => {
  const broken = { list: () => Promise.reject(new Error('away')) } as never;
  const silent = { list: () => new Promise(() => undefined) } as never;
  const plain = { by: ANN, reason: 'slow' };
  expect(await withNames({ store: { people: broken } }, plain)).toBe(plain);
  const text = { reason: `${ANN} asked` };
  for (const away of [broken, silent])
    expect(await withNames({ store: { people: away } }, text)).toEqual(text);
});
