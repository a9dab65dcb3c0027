import { DeployConfig, Digest, ReleaseId } from '@millwright/domain';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { TargetState } from '../targets/target.ts';
import { divergences } from './divergence.ts';
import { HEAL_LIMITS, type HealMemory, nextHeal, remember, repeats } from './policy.ts';

const NO_HEALS: HealMemory = { tried: [] };

const [id, other] = [ReleaseId.parse('rel_aaaaaaaa'), ReleaseId.parse('rel_bbbbbbbb')];

test('at once, then after 1, 2, 4… seconds, then not until the window has passed', () => {
  let [memory, now] = [NO_HEALS, 0];
  const waited: number[] = [];
  for (;;) {
    const next = nextHeal(memory, now);
    if (next.kind === 'give_up') {
      expect(next).toEqual({ kind: 'give_up', ms: HEAL_LIMITS.windowMs - now, tries: 8 });
      expect(nextHeal(memory, now + next.ms)).toMatchObject({ kind: 'heal' });
      break;
    }
    if (next.kind === 'wait') {
      waited.push(next.ms);
      now += next.ms;
    } else memory = remember(memory, { at: now, ok: false });
  }
  expect(waited).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000]);
});

test('healing that repeats is an incident, even while it works', () => {
  const twice = [0, 5_000].reduce((memory, at) => remember(memory, { at, ok: true }), NO_HEALS);
  expect(repeats(twice, 6_000)).toBe(false);
  const thrice = remember(twice, { at: 10_000, ok: true });
  expect(repeats(thrice, 11_000)).toBe(true);
  expect(repeats(thrice, 11_000 + HEAL_LIMITS.windowMs)).toBe(false);
});

test('whatever the clock does, no more tries in a window than allowed, and never a wait for ever', () => {
  const jumps = fc.array(fc.integer({ min: -1_000_000, max: 1_000_000 }), { maxLength: 60 });
  fc.assert(
    fc.property(jumps, (steps) => {
      let [memory, now, inARow] = [NO_HEALS, 10_000_000, 0];
      for (const step of [...steps, 0]) {
        now += step;
        const next = nextHeal(memory, now);
        if (next.kind !== 'heal' && (next.ms <= 0 || next.ms > HEAL_LIMITS.windowMs)) return false;
        inARow = step === 0 && next.kind === 'heal' ? inARow + 1 : 0;
        if (next.kind === 'heal') memory = remember(memory, { at: now, ok: false });
        if (memory.tried.length > HEAL_LIMITS.most * 2 || inARow > 1) return false;
      }
      return true;
    }),
    { numRuns: 500 },
  );
});

const replica = (running: boolean, genuine = true) => ({
  name: 'a',
  container: 'c',
  running,
  genuine,
  restarts: 0,
  exitCode: null,
  address: null,
  weight: 256,
});
const state = (more: Partial<TargetState> = {}): TargetState => ({
  fence: 1,
  condemned: null,
  proxy: 'up',
  releases: [{ id, layer: '', replicas: [replica(true)] }],
  serving: new Map([[id, 100]]),
  ...more,
});
const well = [{ replica: 'a', ok: true, ms: 1, text: '/: 200' }];
const desired = {
  release: { id, layer: Digest.parse(`sha256:${'0'.repeat(64)}`), image: 'i' },
  run: { config: DeployConfig.parse({ target: 'docker' }), secrets: {}, replicas: 1 },
  fence: 1,
};

test.each<[string, Partial<TargetState>, boolean, string[]]>([
  ['as desired', {}, true, []],
  ['crashed', { releases: [{ id, layer: '', replicas: [replica(false)] }] }, false, ['replicas']],
  [
    'another under its name',
    { releases: [{ id, layer: '', replicas: [replica(true, false)] }] },
    true,
    ['replicas'],
  ],
  ['removed', { releases: [] }, false, ['replicas']],
  ['sick', {}, false, ['sick']],
  ['no proxy', { proxy: 'absent', serving: new Map() }, true, ['proxy']],
  ['traffic moved by hand', { serving: new Map([[other, 100]]) }, true, ['traffic']],
  [
    'traffic shared by hand',
    {
      serving: new Map([
        [id, 50],
        [other, 50],
      ]),
    },
    true,
    ['traffic'],
  ],
  ['everything', { proxy: 'down', releases: [], serving: new Map() }, false, ['proxy', 'replicas']],
])('%s', (_name, more, ok, kinds) => {
  const probes = well.map((each) => ({ ...each, ok }));
  expect(divergences(state(more), probes, desired).map((each) => each.kind)).toEqual(kinds);
});
