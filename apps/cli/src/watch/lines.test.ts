import fc from 'fast-check';
import { expect, it } from 'vitest';
import { gate, now, plainLook, run, stage } from '../testing/views.ts';
import { frame } from './frame.ts';
import { newLines, type Said } from './lines.ts';

const withoutTime = (lines: string[]) => lines.map((line) => line.replace(/^[\d-]* ?[\d:]+ /, ''));

it('says each change once, in words', () => {
  const said: Said = new Map();
  const say = (...stages: ReturnType<typeof stage>[]) =>
    withoutTime(newLines(plainLook(), said, run({ stages }), now, { actions: true }));
  expect(say()).toEqual(['● running  Add a discount  shop · 1:00 · $0.0312 · run_0000000000000001']);
  expect(say(stage({ state: 'waiting' }))).toEqual(['◌ plan waiting']);
  expect(say(stage({ action: 'bash ls', turns: 1 }))).toEqual(['● plan running', '  plan: bash ls']);
  expect(say(stage({ action: 'bash ls', turns: 1 }))).toEqual([]);
  expect(say(stage({ action: 'bash ls', turns: 1, state: 'done', endedAt: now }))).toEqual([
    '✔ plan done  1:00 · $0.0312',
  ]);
});

it('says that a stage began though it was over when first seen', () => {
  const view = run({ stages: [stage({ state: 'failed', reason: 'no plan', endedAt: now })] });
  expect(withoutTime(newLines(plainLook(), new Map(), view, now, { actions: false })).slice(1)).toEqual([
    '● plan running',
    '✖ plan failed  1:00 · $0.0312 · no plan',
  ]);
});

it('says every approval of a gate, and nothing of one that is only asked', () => {
  const said: Said = new Map();
  const say = (more: Parameters<typeof gate>[0]) =>
    withoutTime(newLines(plainLook(), said, run({ gates: [gate(more)] }), now, { actions: false }));
  expect(say({ state: 'asked' })).toHaveLength(1);
  expect(say({})).toEqual([
    '◌ merge waiting  gate_0000000000000001  0 of 2 approvals, the change touches a protected path',
  ]);
  expect(say({})).toEqual([]);
  const approvals = [{ person: 'per_0000000000000001', name: 'Ada', reason: 'read it', at: now }] as never;
  expect(say({ approvals })).toEqual(['✔ Ada allows the merge  1 of 2: read it']);
  expect(say({ approvals, state: 'allowed', reason: 'two people allow it' })).toEqual([
    '✔ merge allowed  1 of 2 approvals, two people allow it',
  ]);
});

it('says that a run is halted, by whom, why and what lifts it, and that it goes on', () => {
  const said: Said = new Map();
  const stop = {
    ...{ by: 'Ada', reason: 'repository shop is halted by Ada: it is slow', at: now },
    next: { act: 'resume' as const, scope: { kind: 'repo' as const, repo: 'shop' as never } },
  };
  const halted = run({ state: 'halted', reason: stop.reason, stop });
  const say = (view: typeof halted) =>
    withoutTime(newLines(plainLook(), said, view, now, { actions: false }));
  const next = './millwright resume --repo shop --reason "…"';
  const line = `◌ halted  ${stop.reason}; next: ${next}`;
  expect(say(run())).toHaveLength(1);
  expect(say(halted)).toEqual([line]);
  expect(say(halted)).toEqual([]);
  expect(say(run())).toEqual(['it may go on']);
  expect(say(halted)).toEqual([line]);
  const picture = frame(plainLook(80), halted, now, 0).split('\n');
  expect(picture.join(' ')).toContain(stop.reason);
  expect(picture.join(' ')).toContain(next);
  for (const part of picture) expect(part.length).toBeLessThanOrEqual(80);
});

it('is silent about a view it has told, whatever the view', () => {
  const states = fc.constantFrom('waiting' as const, 'running' as const, 'done' as const, 'failed' as const);
  const stages = fc.array(fc.record({ state: states, turns: fc.nat(3), action: fc.option(fc.string()) }), {
    maxLength: 6,
  });
  fc.assert(
    fc.property(fc.array(stages, { minLength: 1, maxLength: 6 }), (views) => {
      const said: Said = new Map();
      for (const list of views) {
        const view = run({ stages: list.map((more, at) => stage({ ...more, attemptId: `att ${at}` })) });
        newLines(plainLook(), said, view, now, { actions: true });
        expect(newLines(plainLook(), said, view, now, { actions: true })).toEqual([]);
      }
    }),
  );
});
