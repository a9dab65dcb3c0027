import { PersonId, ReleaseId } from '@millwright/domain';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Fenced } from '../targets/target.ts';
import { type Effect, Effects, type Journal } from './effect.ts';

const release = ReleaseId.parse('rel_00000001');
const people = [PersonId.parse('per_00000001'), PersonId.parse('per_00000002')] as const;

function bench(journal: Partial<Journal> = {}) {
  const log: string[] = [];
  const effects = new Effects({
    release,
    fence: 7,
    check: async () => {},
    journal: {
      started: async ({ effect }) => void log.push(`> ${effect}`),
      finished: async ({ effect }, result) => void log.push(`< ${effect} ${result}`),
      ...journal,
    },
  });
  const effect = (name: string, more: { undoKey?: string; fails?: boolean } = {}): Effect<string> => ({
    name,
    key: `7/${name}`,
    undo: 'reversible',
    ...(more.undoKey === undefined ? {} : { undoKey: more.undoKey }),
    run: async () => {
      log.push(`do ${name}`);
      return name;
    },
    reverse: async () => {
      log.push(`undo ${name}`);
      if (more.fails) throw new Error(`no ${name}`);
    },
  });
  return { log, effects, effect };
}

test('an effect runs between its two journal entries; undo is last first and journaled like do', async () => {
  const { log, effects, effect } = bench();
  expect(await effects.run(effect('a'))).toBe('a');
  await effects.run(effect('b'));
  await effects.unwind();
  expect(log).toEqual([
    '> a',
    'do a',
    '< a done',
    '> b',
    'do b',
    '< b done',
    '> undo:b',
    'undo b',
    '< undo:b done',
    '> undo:a',
    'undo a',
    '< undo:a done',
  ]);
});

test('a journal that cannot be written stops an effect before it happens, but never an undo', async () => {
  const { log, effects, effect } = bench();
  await effects.run(effect('a'));
  const down = bench({ started: async () => Promise.reject(new Error('trail is down')) });
  await expect(down.effects.run(down.effect('b'))).rejects.toThrow('trail is down');
  expect(down.log).toEqual([]);
  down.effects.adopt(down.effect('a'));
  await down.effects.unwind();
  expect(down.log).toContain('undo a');
  expect(down.effects.troubles).toEqual(['not journaled: trail is down']);
  expect(log).toHaveLength(3);
});

test('an effect that threw half-way is undone too, and its end is unknown', async () => {
  const { log, effects, effect } = bench();
  const broken = { ...effect('a'), run: async () => Promise.reject(new Error('cut')) };
  await expect(effects.run(broken)).rejects.toThrow('cut');
  await effects.unwind();
  expect(log).toEqual(['> a', '< a unknown', '> undo:a', 'undo a', '< undo:a done']);
});

test('one failing undo does not keep the others from running', async () => {
  const { log, effects, effect } = bench();
  await effects.run(effect('a'));
  await effects.run(effect('b', { fails: true }));
  await effects.unwind();
  expect(log.slice(-5)).toEqual(['undo b', '< undo:b failed', '> undo:a', 'undo a', '< undo:a done']);
  expect(effects.troubles).toEqual(['undo:b failed: no b']);
});

test('a fence that was lost stops everything, undo included', async () => {
  const { log, effect } = bench();
  const journal = { started: async () => {}, finished: async () => {} };
  const lost = async () => Promise.reject(new Fenced(9));
  const fenced = new Effects({ release, fence: 7, journal, check: lost });
  await expect(fenced.run(effect('a'))).rejects.toThrow(Fenced);
  fenced.adopt(effect('a'));
  await expect(fenced.unwind()).rejects.toThrow(Fenced);
  expect(log).toEqual([]);
});

test('whatever ran is undone once per undo key, in the reverse order of the last of each', async () => {
  const step = fc.record({
    name: fc.stringMatching(/^[a-z]{1,3}$/),
    undoKey: fc.constantFrom(undefined, 'x', 'y'),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 12 }), async (steps) => {
      const { log, effects, effect } = bench();
      for (const { name, undoKey } of steps)
        await effects.run(effect(name, undoKey === undefined ? {} : { undoKey }));
      const ran = log.length;
      await effects.unwind();
      const keys = steps.map(({ name, undoKey }) => undoKey ?? `7/${name}/undo`);
      const expected = steps.filter((_, index) => keys.lastIndexOf(keys[index] ?? '') === index).reverse();
      expect(log.slice(ran).filter((line) => line.startsWith('undo '))).toEqual(
        expected.map(({ name }) => `undo ${name}`),
      );
    }),
  );
});

test('how an effect is undone is part of its type', () => {
  const run = async () => {};
  const bare = { name: 'drop', key: 'k', run };
  // @ts-expect-error undeclared does not compile
  const undeclared: Effect<void> = bare;
  // @ts-expect-error reversible without its undo does not compile
  const noWay: Effect<void> = { ...bare, undo: 'reversible' };
  // @ts-expect-error one approver is not two
  const one: Effect<void> = { ...bare, undo: 'irreversible', approvedBy: [people[0]] };
  const two: Effect<void> = { ...bare, undo: 'irreversible', approvedBy: people };
  expect([undeclared, noWay, one, two].map((each) => each.undo)).toEqual([
    undefined,
    'reversible',
    'irreversible',
    'irreversible',
  ]);
});
