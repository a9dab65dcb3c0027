import type { CanaryView, GateView, RunView, StageView } from '@millwright/api';
import { commandOf } from '../acts.ts';
import { clock, duration, money } from '../text/format.ts';
import type { Look } from '../text/look.ts';
import { oneLine } from '../text/plain.ts';
import { canaryLines } from '../views/canary.ts';
import { gateLine } from '../views/gate.ts';
import { runHeadline } from '../views/run.ts';
import { markOf, wordsOf } from '../views/state.ts';

/** What a piped watch has said so far: a line is printed when what it would say differs from what was said last of the same thing. */
export type Said = Map<string, string>;

export type LineOptions = {
  /** A line for each thing an agent does, too. */
  actions: boolean;
};

const named = (stage: StageView): string => {
  const task = oneLine([stage.task, stage.title].filter((part) => part !== null && part !== '').join(' '));
  return `${stage.kind}${stage.attempt > 1 ? ` #${stage.attempt}` : ''}${task === '' ? '' : ` ${task}`}`;
};

function stageLine(look: Look, stage: StageView): string {
  const mark = markOf(look, stage.state);
  const facts =
    stage.endedAt === null
      ? []
      : [duration(stage.endedAt - stage.startedAt), money(stage.usage.usd)].filter((part) => part !== '');
  const reason = stage.reason === null || stage.state === 'running' ? '' : oneLine(stage.reason);
  const tail = [...facts, ...(reason === '' ? [] : [reason])].join(` ${look.symbol.dot} `);
  return `${mark.paint(mark.symbol)} ${named(stage)} ${mark.paint(wordsOf(stage.state))}${tail === '' ? '' : look.colour.dim(`  ${tail}`)}`;
}

function approvalLine(look: Look, gate: GateView, place: number): string {
  const approval = gate.approvals[place];
  const who = oneLine(`${approval?.name ?? ''} allows the ${gate.action}`);
  // A settled gate needs nobody any more, and so does not say how many it took.
  const of = gate.approvalsNeeded === 0 ? '' : `${place + 1} of ${gate.approvalsNeeded}: `;
  return `${look.colour.green(look.symbol.done)} ${who}${look.colour.dim(`  ${of}${oneLine(approval?.reason ?? '')}`)}`;
}

const canaryLine = (look: Look, canary: CanaryView, now: number): string => {
  const [first = '', ...more] = canaryLines({ ...look, columns: Number.POSITIVE_INFINITY }, canary, now, '');
  const mark = canary.ended?.as === 'back' ? look.symbol.back : look.symbol.running;
  return [`${mark} ${first}`, ...more].join(` ${look.symbol.dot} `);
};

const gateShown = (gate: GateView) => gate.state !== 'asked';

/** The lines that `run` adds to what was said; `said` is brought up to date. Calling it twice with the same view says nothing the second time. */
export function newLines(look: Look, said: Said, run: RunView, now: number, options: LineOptions): string[] {
  const lines: string[] = [];
  const say = (key: string, state: string, text: () => string, at: number) => {
    if (said.get(key) === state) return;
    said.set(key, state);
    lines.push(`${look.colour.dim(clock(at, now))} ${text()}`);
  };
  if (!said.has('run')) say('run', 'seen', () => runHeadline(look, run, now), run.startedAt);
  for (const stage of run.stages) {
    const key = `stage ${stage.attemptId}`;
    // A stage that was over when first seen still says that it began, so that piped accounts read the same however they were caught.
    const began: StageView = { ...stage, state: 'running', endedAt: null, reason: null };
    const unsaid = said.get(key) === undefined || said.get(key) === 'waiting';
    if (stage.state !== 'waiting' && stage.state !== 'cancelled' && unsaid)
      say(key, 'running', () => stageLine(look, began), stage.startedAt);
    const { action } = stage;
    if (options.actions && action !== null && action !== '')
      say(
        `action ${stage.attemptId}`,
        `${stage.turns} ${action}`,
        () => look.colour.dim(`  ${named(stage)}: ${oneLine(action)}`),
        stage.endedAt ?? now,
      );
    say(key, stage.state, () => stageLine(look, stage), stage.endedAt ?? now);
  }
  const stop = run.stop === null ? '' : `${oneLine(run.stop.reason)}; next: ${commandOf(run.stop.next)}`;
  const halted = markOf(look, 'halted');
  if (stop !== '' || said.has('stop'))
    say(
      'stop',
      stop,
      () => (stop === '' ? 'it may go on' : `${halted.paint(`${halted.symbol} halted`)}  ${stop}`),
      run.stop?.at ?? now,
    );
  const { canary } = run;
  if (canary !== null)
    say(
      `canary ${canary.release}`,
      `${canary.percent} ${canary.verdict} ${canary.needs} ${canary.ended?.as}`,
      () => canaryLine(look, canary, now),
      canary.ended?.at ?? now,
    );
  for (const gate of run.gates.filter(gateShown)) {
    // What it waits for was said; each yes is news of its own.
    for (const [place, approval] of gate.approvals.entries())
      say(`approval ${gate.id} ${place}`, 'said', () => approvalLine(look, gate, place), approval.at);
    say(`gate ${gate.id}`, gate.state, () => gateLine(look, gate), gate.changedAt);
  }
  return lines;
}
