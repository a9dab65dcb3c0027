import { expect, test } from 'vitest';
import { awaited, witnessLines } from './witnesses.ts';

const NOW = Date.parse('2026-11-21T12:00:00Z');
const there = { name: 'witness.test/a', size: 40, at: NOW - 100, since: NOW - 50, refused: null };
const away = { name: 'witness.test/b', size: 12, at: NOW - 60_000, since: NOW - 59_000, refused: null };
const liar = { name: 'witness.test/c', size: 0, at: null, since: NOW - 59_000, refused: 'it does not hold' };

test('a witness that is away is named, with what it last did and what that stops', () => {
  expect(witnessLines([there, away], 2, NOW)).toEqual([
    {
      id: 'witness witness.test/a',
      ok: true,
      text: 'witness.test/a cosigned last at 2026-11-21T11:59:59.900Z, up to entry 40',
      fix: null,
    },
    {
      id: 'witness witness.test/b',
      ok: false,
      text: 'witness.test/b cosigned last at 2026-11-21T11:59:00.000Z, up to entry 12; nothing merges, deploys or is promoted; going back waits for none',
      fix: expect.objectContaining({ acts: [expect.objectContaining({ act: 'start-witness' })] }),
    },
  ]);
  expect(witnessLines([there, away], 1, NOW)[1]?.text).toContain('1 of 2 are enough');
  expect(witnessLines([], 0, NOW)).toEqual([]);
});

test('whoever waits is told for whom, and why what was sent was not taken', () => {
  const caughtUp = { ...there, since: null };
  expect(awaited([caughtUp, away, liar], 3)).toBe(
    'witnesses have not cosigned it yet (3 of 3 must): witness.test/b cosigned last at 2026-11-21T11:59:00.000Z, up to entry 12, witness.test/c has cosigned nothing yet; refused since: it does not hold',
  );
});
