import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { RunView } from '@millwright/api';
import { z } from 'zod';
import type { Context } from '../context.ts';
import { Fail, failed, messageOf } from '../fail.ts';
import { type Case, changesOf } from './cases.ts';
import { CaseResult, type Verdict } from './figures.ts';
import { copyOf, headOf, makeRemote } from './git.ts';
import { hiddenTestsPass } from './hidden.ts';
import { entriesOf, type SentBack, sentBackOf } from './sent-back.ts';

const POLL_MS = 1_000;

/** Whether hidden tests pass on a commit; the real one runs them in a sandbox. */
export type Judge = typeof hiddenTestsPass;

/**
 * One case through the whole factory: its repository is added, its ticket filed (under a key, so that an evaluation that was killed goes on with
 * the same run), followed to its end, and judged by the hidden tests. A result that lies in `out` already is taken as it is.
 */
export async function runCase(
  context: Context,
  one: Case,
  /** `data` is the data folder of the factory. */
  options: { out: string; step: number; data: string; judge?: Judge },
): Promise<CaseResult> {
  const place = join(options.out, one.name);
  const file = join(place, 'result.json');
  if (existsSync(file)) return keptResult(file);
  mkdirSync(place, { recursive: true });
  const judge = options.judge ?? hiddenTestsPass;
  const passesIn = (where: string, commit: string) =>
    judge(one, where, commit, join(options.out, '.sandbox'));
  const remote = makeRemote(place, join(one.folder, 'repo'), one.image);
  const passes = (commit: string) => passesIn(remote, commit);
  const base = headOf(remote);
  const keep = (result: CaseResult): CaseResult => {
    writeFileSync(`${file}.new`, `${JSON.stringify(result, null, 2)}\n`);
    renameSync(`${file}.new`, file);
    return result;
  };
  if (one.expect === 'merge' && !existsSync(join(place, 'filed'))) {
    const why = (await passes(base))
      ? 'its hidden tests pass on the base'
      : await untold(one, place, (changed) => passesIn(changed, headOf(changed)));
    if (why !== null) {
      // Nothing of it stays, so that a case that was mended is tried anew.
      rmSync(place, { recursive: true, force: true });
      return { ...NOTHING, name: one.name, verdict: 'invalid', why };
    }
  }
  const repo = await added(context, one, remote, options.step);
  const key = `eval-${repo}`;
  const { value: ticket } = await context.client.call('fileTicket', {
    body: { repo, markdown: one.ticket },
    headers: { 'idempotency-key': key },
  });
  writeFileSync(join(place, 'filed'), `${ticket.id}\n`);
  const note = (said: string) => context.note(`! case ${one.name}: ${said}`);
  const run = await ended(context, ticket.id, note);
  const figures = figuresOf(run);
  // Of a model that never answered nothing is known, whatever the case expects.
  if (run.state === 'failed' && figures.turns === 0)
    throw failed(
      'eval_case',
      `case ${one.name}: no model answered in ${run.id} (${run.reason ?? 'no reason'}); see what is missing: ./millwright doctor; then ./millwright run retry ${run.id}, and the same command again`,
    );
  const { verdict, why } = await judged(one, run, passes);
  const clone = join(options.data, 'orchestrator/repos', `${repo}.git`);
  const entries = await entriesOf(context.client, run.id);
  const sentBackChanges = await heldAgainst(
    one,
    sentBackOf(entries),
    (commit) => passesIn(copyOf(clone, commit, join(place, 'sent-back.git')), commit),
    note,
  );
  const calls = entries.filter(({ type }) => type === 'turn.asked').length;
  return keep({ ...figures, calls, sentBackChanges, name: one.name, verdict, why });
}

function keptResult(file: string): CaseResult {
  try {
    return CaseResult.parse(JSON.parse(readFileSync(file, 'utf8')));
  } catch (error) {
    if (!(error instanceof SyntaxError) && !(error instanceof z.ZodError)) throw error;
    throw failed(
      'eval_result',
      `${file} holds no result; remove it and run the same command again: its run is followed further, and nothing is paid twice`,
    );
  }
}

/** How many of the changes that were sent back were so rightly. Where nothing should merge, every one was; a part that fails may lack the others. */
export async function heldAgainst(
  { expect }: Case,
  changes: readonly SentBack[],
  passes: (commit: string) => Promise<boolean>,
  note: (said: string) => void,
): Promise<NonNullable<CaseResult['sentBackChanges']>> {
  const told = { rightly: 0, wrongly: 0, unknown: 0 };
  const unknown = (tree: string, why: string): 'unknown' => {
    note(`whether ${tree.slice(0, 12)} was sent back rightly is unknown: ${why}`);
    return 'unknown';
  };
  const judgedAs = async ({ tree, commit, part }: SentBack): Promise<keyof typeof told> => {
    if (expect !== 'merge') return 'rightly';
    if (commit === null) return unknown(tree, 'the trail names no commit of it');
    try {
      if (await passes(commit)) return 'wrongly';
    } catch (error) {
      return unknown(tree, messageOf(error));
    }
    return part ? unknown(tree, 'it is a part of the change') : 'rightly';
  };
  for (const change of changes) told[await judgedAs(change)] += 1;
  return told;
}

/** Why the hidden tests do not tell a right change from the wrong ones that come with the case; null where they do. */
async function untold(
  one: Case,
  place: string,
  passes: (remote: string) => Promise<boolean>,
): Promise<string | null> {
  for (const { files, right } of changesOf(one)) {
    const name = basename(files);
    // Beside the case's repository, never in it: nobody at work may see them.
    const made = join(place, 'changes', name);
    rmSync(made, { recursive: true, force: true });
    cpSync(join(one.folder, 'repo'), join(made, 'files'), { recursive: true });
    cpSync(files, join(made, 'files'), { recursive: true });
    if ((await passes(makeRemote(made, join(made, 'files')))) !== right)
      return right
        ? 'its hidden tests fail on its own solution'
        : `its hidden tests pass on the wrong change ${name}`;
  }
  return null;
}

const NOTHING = {
  ...{ run: null, usd: 0, inputTokens: 0, outputTokens: 0, turns: 0, calls: 0, sentBack: 0, ms: 0 },
  sentBackChanges: { rightly: 0, wrongly: 0, unknown: 0 },
};

/** Named after where it lies, so that two evaluations of a case beside each other have two. */
async function added(context: Context, one: Case, remote: string, step: number): Promise<string> {
  const name = `${one.name}-${createHash('sha256').update(remote).digest('hex').slice(0, 8)}`;
  await context.client
    .call('addRepo', { body: { url: remote, name, branch: 'main' } })
    .catch((error: unknown) => {
      if (error instanceof Fail && error.problem.code === 'exists') return;
      throw error;
    });
  await context.client.call('setStep', {
    params: { repo: name },
    body: { step, reason: 'an evaluation' },
  });
  return name;
}

/** The ticket's run once it has ended, or waits for a person: nobody answers an evaluation, so that one is cancelled. */
async function ended(
  context: Context,
  ticket: string,
  note: (said: string) => void,
): Promise<RunView & { asked: boolean }> {
  let told = '';
  for (;;) {
    const { value } = await context.client.call('showTicket', { params: { id: ticket } });
    const id = value.runs.at(-1);
    const run = id === undefined ? null : (await context.client.call('showRun', { params: { id } })).value;
    if (run !== null && run.endedAt !== null) return { ...run, asked: value.question !== null };
    if (run !== null && run.state === 'waiting' && (value.question !== null || waits(run))) {
      const reason = { reason: 'an evaluation: nobody answers' };
      await context.client
        .call('cancelRun', { params: { id: run.id }, body: reason })
        .catch((error: unknown) => {
          // It may have ended in between.
          if (!(error instanceof Fail)) throw error;
        });
      return { ...run, asked: true };
    }
    // A budget that is reached, a halt: somebody else has to end that.
    const why = run?.state === 'waiting' || run?.state === 'halted' ? (run.reason ?? '') : '';
    if (why !== '' && why !== told) note(`${run?.id} waits: ${why}`);
    told = why;
    await sleep(POLL_MS);
  }
}

const waits = (run: RunView): boolean => run.gates.some(({ state }) => state === 'waiting');

async function judged(
  one: Case,
  run: RunView & { asked: boolean },
  passes: (commit: string) => Promise<boolean>,
): Promise<{ verdict: Verdict; why: string }> {
  const merged = run.delivered?.commit ?? null;
  const ending =
    merged !== null ? 'merged' : run.asked ? 'asked a person' : `${run.state}: ${run.reason ?? ''}`;
  const why = ending.split('\n')[0]?.slice(0, 300) ?? ending;
  if (merged === null) {
    const right = one.expect === 'ask' ? run.asked : one.expect === 'refuse';
    return { verdict: right ? 'solved' : 'wrongly_refused', why };
  }
  if (one.expect !== 'merge') return { verdict: 'wrongly_accepted', why: `merged, and should ${one.expect}` };
  return (await passes(merged))
    ? { verdict: 'solved', why: 'merged, and the hidden tests pass' }
    : { verdict: 'wrongly_accepted', why: 'merged, and the hidden tests fail' };
}

function figuresOf(run: RunView): Omit<CaseResult, 'name' | 'verdict' | 'why' | 'calls' | 'sentBackChanges'> {
  const { usage } = run;
  const tasks = new Map<string, number>();
  for (const stage of run.stages)
    if (stage.kind === 'implement') tasks.set(stage.task ?? '', (tasks.get(stage.task ?? '') ?? 0) + 1);
  return {
    run: run.id,
    usd: usage.usd,
    inputTokens: usage.inputTokens + usage.cacheReadTokens + usage.cacheWriteTokens,
    outputTokens: usage.outputTokens,
    turns: run.stages.reduce((sum, stage) => sum + stage.turns, 0),
    sentBack: [...tasks.values()].reduce((sum, attempts) => sum + attempts - 1, 0),
    ms: (run.endedAt ?? Date.now()) - run.startedAt,
  };
}
