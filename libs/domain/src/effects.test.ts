import { expect, it } from 'vitest';
import { OpenEffects } from './effects.ts';
import type { Entry } from './entries/index.ts';
import type { StreamId } from './ids.ts';

const RUN = 'run/run_0000000000000001' as StreamId;
const TARGET = 'target/shop' as StreamId;
const entry = (type: Entry['type'], data: object = {}) => ({ type, data }) as Entry;
const merge = entry('merge.started');
const effect = (type: 'target.effect-started' | 'target.effect-finished', key: string) =>
  entry(type, { key });
const started = entry('factory.started');

function fold(...told: readonly [StreamId, Entry][]): OpenEffects {
  const effects = new OpenEffects();
  for (const [at, [stream, one]] of told.entries()) effects.apply({ stream, position: at + 1, at: 0 }, one);
  return effects;
}

it('is under way while its factory lives, unknown once another has started, known with its outcome', () => {
  expect(fold([RUN, merge]).stateOf(RUN, 1, merge)).toBe('under_way');
  const died = fold([RUN, merge], ['factory' as StreamId, started]);
  expect(died.stateOf(RUN, 1, merge)).toBe('unknown');
  died.apply({ stream: RUN, position: 3, at: 0 }, entry('merge.finished'));
  expect(died.stateOf(RUN, 1, merge)).toBe('known');
  expect(died.list()).toEqual([]);
});

it.each(['merge.refused', 'base.moved'] as const)('knows a merge that ended by %s', (type) => {
  expect(fold([RUN, merge], [RUN, entry(type)]).list()).toEqual([]);
});

it('tells effects of one target apart by their keys, and a second try from the first', () => {
  const effects = fold(
    [TARGET, effect('target.effect-started', '1/rel/start')],
    [TARGET, effect('target.effect-started', '1/rel/shift')],
    [TARGET, effect('target.effect-finished', '1/rel/start')],
    [TARGET, effect('target.effect-started', '1/rel/shift')],
  );
  expect(effects.list().map(({ position }) => position)).toEqual([4]);
  expect(effects.stateOf(TARGET, 2, effect('target.effect-started', '1/rel/shift'))).toBe('known');
});

it('knows how a call of a model ended by its turn, by the word that it is lost, or by the end of its attempt', () => {
  const stream = 'attempt/att_0000000000000001' as StreamId;
  const asked = entry('turn.asked');
  for (const type of ['turn.recorded', 'turn.lost', 'attempt.closed'] as const) {
    const effects = fold([stream, asked]);
    expect(effects.stateOf(stream, 1, asked)).toBe('under_way');
    effects.dead = new Set([stream]);
    expect(effects.stateOf(stream, 1, asked)).toBe('unknown');
    effects.apply({ stream, position: 2, at: 0 }, entry(type));
    expect(effects.list(), type).toEqual([]);
  }
});

it('settles an effect on a target by the entry of its reconciliation, and a revert by its own', () => {
  const release = 'rel_0000000000000001';
  expect(
    fold(
      [TARGET, effect('target.effect-started', '1/rel/start')],
      [TARGET, entry('target.revert-started', { release })],
      [TARGET, entry('target.reconciled', { key: '1/rel/start' })],
      [TARGET, entry('target.revert-finished', { release })],
    ).list(),
  ).toEqual([]);
});

it('leaves it to claims whether the runner of an attempt lives', () => {
  const opened = entry('attempt.opened');
  const stream = 'attempt/att_0000000000000001' as StreamId;
  const effects = fold([stream, opened], ['factory' as StreamId, started]);
  expect(effects.stateOf(stream, 1, opened)).toBe('under_way');
});
