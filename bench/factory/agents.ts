import { WORKING } from '@millwright/agents/testing';
import type { RunView, TrailLine } from '@millwright/api';
import type { Digest, Usage } from '@millwright/domain';
import { openStore } from '@millwright/store';
import { type Row, type Spread, single, spreadOf } from '../row.ts';
import { type AnsweredCall, type WatchedModel, watchModel } from './calls.ts';
import { comment, conversationsOf, fixes, threeTurns, ticketNamed, ticketOf } from './conversations.ts';
import { promoted, runUntil } from './run.ts';
import { type Running, startUp } from './up.ts';

// What long work and many tasks cost in the whole factory, whose model answers at once: an implementer's ordinary
// conversation, an attempt of many turns of 30 kB, and ten tasks that all add a line to one changelog beside ten
// that do not.

/** What a ticket may take. */
const TICKET_MS = 600_000;

const ORDINARY = 'Go on in small steps';
const LONG = 'Go on in large steps';
/** What a command of an ordinary turn takes by itself: it sleeps. */
const TOOL_MS = 100;
const SMALL_STEPS = {
  ...WORKING,
  turns: [
    { tools: [{ bash: `sleep ${TOOL_MS / 1_000}; echo {{turn}} >> log.txt; cat src/carts.js log.txt` }] },
  ],
};
/** Turns around the tenth, and the last ones: their middle is told. */
const AROUND = 10;

/** Ten tasks, those of two tickets that are filed at once. */
const TICKETS = 2;
const CHANGELOG = `printf '# Changes\\n\\n- first\\n' > CHANGES.md`;
type Side = 'apart' | 'listed';
const titleOf = (side: Side, nth: number) => `Say it ${side} ${nth}`;

const tasksOf = (side: Side, nth: number, count: number): object[] => {
  const tasks = Array.from({ length: count }, (_, at) => {
    const name = `${side}-${nth}-${at + 1}`;
    const own = `echo '// Looked after by team ${name}.' > src/${name}.js`;
    const change = side === 'apart' ? own : `${own} && sed -i 's/^- first$/- ${name}\\n&/' CHANGES.md`;
    return { id: `t${at + 1}`, work: threeTurns(change, `Say who looks after ${name}`) };
  });
  const found = side === 'apart' ? 'ls src' : 'cat CHANGES.md';
  return conversationsOf(
    titleOf(side, nth),
    tasks,
    `test $(${found} | grep -c '${side}-${nth}-') -eq ${count}`,
  );
};

export async function agents(_postgres: unknown, quick: boolean): Promise<Row[]> {
  const [ordinary, long, tasks] = quick ? [20, 60, 2] : [100, 400, 5];
  const sides = (['apart', 'listed'] as const).flatMap((side) =>
    Array.from({ length: TICKETS }, (_, at) => tasksOf(side, at + 1, tasks)).flat(),
  );
  const model = await watchModel([
    ...fixes(1, (nth) => `${comment(nth)} && ${CHANGELOG}`),
    ...conversationsOf(ORDINARY, [{ id: 'on', work: SMALL_STEPS }], 'test -e log.txt'),
    ...conversationsOf(LONG, [{ id: 'on', work: WORKING }], 'test -e log.txt'),
    ...sides,
  ]);
  let running: Running | null = null;
  try {
    running = await startUp({ conversations: [], model: model.url });
    // The first ticket learns the base and installs dependencies, and makes the changelog.
    await promoted(running, ticketOf(1), TICKET_MS);
    return [
      ...conversation(await goesOn(running, model, ORDINARY, ordinary)),
      ...(await turns(running, await goesOn(running, model, LONG, long), long)),
      ...together(await tenTasks(running, 'apart'), await tenTasks(running, 'listed'), tasks),
    ];
  } finally {
    await running?.stop();
    await model.close();
  }
}

type RecordedTurn = { record: Digest; workspace: Digest | null; usage: Usage };
type Attempt = { calls: AnsweredCall[]; recorded: RecordedTurn[] };

/** So many turns of an implementer who never ends, whose run is cancelled then. */
async function goesOn(running: Running, model: WatchedModel, title: string, turns: number): Promise<Attempt> {
  const implementer = ({ stages }: RunView) => stages.find(({ kind }) => kind === 'implement');
  const run = await runUntil(
    running,
    ticketNamed(title),
    TICKET_MS,
    (seen) => (implementer(seen)?.turns ?? 0) >= turns,
  );
  const attempt = implementer(run)?.attemptId ?? '';
  if (run.state === 'running')
    await running.api('POST', `/runs/${run.id}/cancel`, { reason: 'enough for the bench' });
  const lines = await running.api<TrailLine[]>('GET', `/trail?run=${run.id}&type=turn.recorded&limit=1000`);
  const recorded = lines.flatMap(({ stream, data }) =>
    stream === `attempt/${attempt}` ? [data as RecordedTurn] : [],
  );
  if (recorded.length < turns) throw new Error(`${title}: ${recorded.length} turns, ${run.reason}`);
  return {
    calls: model
      .answered()
      .filter((call) => call.attempt === attempt)
      .slice(0, turns),
    recorded,
  };
}

/** Milliseconds from each answer to the next request. */
const pauses = (calls: readonly AnsweredCall[]): number[] =>
  calls.slice(1).map(({ from }, at) => from - (calls[at]?.to ?? from));

function conversation({ calls, recorded }: Attempt): Row[] {
  const own = recorded.slice(0, calls.length);
  const sum = (of: (usage: Usage) => number) => own.reduce((total, { usage }) => total + of(usage), 0);
  const read = sum(({ cacheReadTokens }) => cacheReadTokens);
  const input = sum((usage) => usage.inputTokens + usage.cacheReadTokens + usage.cacheWriteTokens);
  return [
    {
      what: `input tokens read from the cache, a conversation of ${own.length} turns`,
      ...{ unit: '%', ours: single((read * 100) / input), aim: 90 },
      note: `of ${input} input tokens in all, counted as the API counts them, four bytes each.`,
    },
    {
      what: 'from a model’s answer to the next request, beside the tool',
      ...{ unit: 'ms', ours: spreadOf(pauses(calls).map((ms) => ms - TOOL_MS)), aim: 30 },
      note: `the same conversation, in a sandbox, each turn recorded with its workspace; its command sleeps for ${TOOL_MS} ms and changes a file. All but the sleep counts.`,
    },
  ];
}

/** An attempt's last turns beside those around its tenth, whose middle is told. */
async function turns(running: Running, { calls, recorded }: Attempt, last: number): Promise<Row[]> {
  const times = pauses(calls);
  const store = openStore({ url: running.database() });
  const size = async (digest: Digest) => (await store.artifacts.get(digest)).length;
  const stored = async (part: readonly RecordedTurn[]): Promise<Spread> => {
    const bytes = part.map(async ({ record, workspace }) => [
      await size(record),
      workspace === null ? 0 : await size(workspace),
    ]);
    return spreadOf((await Promise.all(bytes)).map(([turn = 0, kept = 0]) => (turn + kept) / 1_000));
  };
  const tenth = <T>(all: readonly T[]) => all.slice(AROUND / 2, AROUND / 2 + AROUND);
  const final = <T>(all: readonly T[]) => all.slice(0, last).slice(-AROUND);
  const row = (what: string, unit: 'ms' | 'kB', ours: Spread, before: Spread): Row => ({
    what: `an attempt’s turn ${last}: ${what}`,
    ...{ unit, ours, aim: before.p50 * 1.2, peer: { name: 'its turn 10', spread: before } },
  });
  try {
    return [
      {
        ...row('from its answer to the next request', 'ms', spreadOf(final(times)), spreadOf(tenth(times))),
        note: `the tool included, which takes as long each time; ten turns of 30 kB each. Conversations that are full hand over to the next on the way.`,
      },
      {
        ...row('stored', 'kB', await stored(final(recorded)), await stored(tenth(recorded))),
        note: 'what was said and seen, and the workspace as it was left.',
      },
    ];
  } finally {
    await store.close();
  }
}

type Cost = { requests: number; tokens: number; ms: number };

async function tenTasks(running: Running, side: Side): Promise<Cost> {
  const from = performance.now();
  const nths = Array.from({ length: TICKETS }, (_, at) => at + 1);
  const runs = await Promise.all(
    nths.map((nth) => promoted(running, ticketNamed(titleOf(side, nth)), TICKET_MS)),
  );
  const ms = performance.now() - from;
  const sum = (of: (run: RunView) => number) => runs.reduce((total, { run }) => total + of(run), 0);
  return {
    requests: sum(({ stages }) => stages.reduce((total, stage) => total + stage.turns, 0)),
    tokens: sum(
      ({ usage }) => usage.inputTokens + usage.cacheReadTokens + usage.cacheWriteTokens + usage.outputTokens,
    ),
    ms,
  };
}

function together(apart: Cost, listed: Cost, tasks: number): Row[] {
  const row = (what: keyof Cost, unit: Row['unit'], said: string): Row => ({
    what: `${TICKETS * tasks} tasks that all add a line to one changelog: ${said}`,
    ...{ unit, ours: single(listed[what]), aim: apart[what] * 1.2 },
    peer: { name: 'the same without the line', spread: single(apart[what]) },
  });
  return [
    row('requests', 'requests', 'requests of the model'),
    row('tokens', 'tokens', 'tokens'),
    {
      ...row('ms', 'ms', 'filed to promoted'),
      note: `${TICKETS} tickets filed at once, of ${tasks} tasks each (a plan has eight at most), each in a file of its own; their lines are at one place. Each ticket’s check counts its lines.`,
    },
  ];
}
