import { setTimeout as sleep } from 'node:timers/promises';
import type { Halted } from '@millwright/api';
import Docker from 'dockerode';
import { IMAGE } from '../rollback/service.ts';
import { type Row, spreadOf } from '../row.ts';
import { type WatchedModel, watchModel } from './calls.ts';
import { type Deaths, watchDeaths } from './deaths.ts';
import { type Running, startUp } from './up.ts';

// Planners that never end, half of them in a command in their sandbox, half in a call of the model: how long after `halt` the last container has
// ended and the last call was aborted. Beside it, while the factory is halted, as many plain containers are killed.

const READY_MS = 120_000;
/** No round begins later than this, however few there were. */
const ROUNDS_MS = 150_000;
const TITLE = 'Think for ever';
const ticketOf = (nth: number, how: 'command' | 'call') =>
  `---\ntitle: ${TITLE} in a ${how} ${nth}\nkind: feature\n---\n\nThink about the shop.\n`;

const conversations = [
  { how: 'command', turn: { tools: [{ bash: 'sleep 100' }] } },
  { how: 'call', turn: { tools: [{ bash: 'true' }], fault: { stall: 600_000, times: 1_000 } } },
].map(({ how, turn }) => ({
  ...{ role: 'plan', when: { title: `^${TITLE} in a ${how}` }, repeat: true },
  turns: [{ tools: [{ bash: 'ls src' }] }, turn],
}));

type Round = { ended: number; removed: number; calls: number; said: number; killed: number };

export async function halt(_postgres: unknown, quick: boolean): Promise<Row[]> {
  const [stages, rounds] = quick ? [6, 2] : [20, 8];
  const engine = new Docker();
  const calls = await watchModel(conversations);
  let running: Running | null = null;
  try {
    running = await startUp({ conversations, model: calls.url, stages });
    const deaths = await watchDeaths(engine, `millwright.factory=${running.factory}`);
    const took: Round[] = [];
    for (let nth = 0; nth < stages; nth += 1) {
      const markdown = ticketOf(nth, nth % 2 === 0 ? 'command' : 'call');
      await running.api('POST', '/tickets', { repo: 'shop', markdown });
    }
    for (const until = Date.now() + ROUNDS_MS; took.length < rounds && Date.now() < until; ) {
      await untilUnderWay(engine, running, calls, stages);
      const halted = await halting(running, calls, deaths, stages);
      took.push({ ...halted, killed: await killing(engine, stages) });
      if (process.env.BENCH_STEPS) process.stderr.write(`${JSON.stringify(took.at(-1))}\n`);
      await running.api('POST', '/resume', { reason: 'the next round' });
    }
    deaths.close();
    const of = (what: keyof Round) => spreadOf(took.map((round) => round[what]));
    const told = (what: keyof Round) => `${of(what).p50.toFixed(0)} ms (p50; p99 ${of(what).p99.toFixed(0)})`;
    return [
      {
        what: `halt, ${stages} stages running: to the last container ended and the last call aborted`,
        ...{ unit: 'ms', ours: of('ended') },
        peer: { name: `docker kill of ${stages} (engine API, at once)`, spread: of('killed') },
        note: `from the request over HTTP; half of the stages are in a command, half in a call: the last call was aborted after ${told('calls')}. \`halt\` answered that nothing runs after ${told('said')}.`,
      },
      {
        what: 'the same, to the last container removed',
        ...{ unit: 'ms', ours: of('removed'), aim: 1_000 },
      },
    ];
  } finally {
    await running?.stop();
    await calls.close();
  }
}

const planners = async (engine: Docker, factory: string): Promise<number> => {
  const label = [`millwright.factory=${factory}`, 'millwright.purpose=plan'];
  return (await engine.listContainers({ filters: { label, status: ['running'] } })).length;
};

async function untilUnderWay(engine: Docker, { factory, log }: Running, calls: WatchedModel, stages: number) {
  const there = async () =>
    (await planners(engine, factory)) === stages && calls.underWay() === Math.floor(stages / 2);
  for (const until = Date.now() + READY_MS; !(await there()); await sleep(200))
    if (Date.now() > until)
      throw new Error(
        `${await planners(engine, factory)} of ${stages} run, ${calls.underWay()} calls\n${log('runner').slice(-2_000)}`,
      );
  // The commands begin a moment after their sandboxes.
  await sleep(2_000);
  if (!(await there())) throw new Error('what ran has ended by itself');
}

async function halting(running: Running, calls: WatchedModel, deaths: Deaths, stages: number) {
  const from = Date.now();
  const halted = await running.api<Halted>('POST', '/halt', { reason: 'the bench' });
  const said = Date.now() - from;
  if (!halted.stopped) throw new Error(`still running: ${halted.running.join(', ')}`);
  // What it did not wait for shows, too.
  for (const until = Date.now() + 5_000; deaths.since('destroy', from).length < stages; await sleep(50))
    if (Date.now() > until) throw new Error(`${deaths.since('destroy', from).length} of ${stages} are gone`);
  const aborted = calls.aborted().filter((at) => at >= from);
  if (aborted.length < Math.floor(stages / 2) || calls.underWay() > 0)
    throw new Error(`${aborted.length} calls were aborted, ${calls.underWay()} are under way`);
  const ended = Math.max(...deaths.since('die', from), ...aborted) - from;
  return {
    ended,
    calls: Math.max(...aborted) - from,
    removed: Math.max(...deaths.since('destroy', from)) - from,
    said,
  };
}

/** Milliseconds from asking the engine to kill that many containers at once to the end of the last. */
async function killing(engine: Docker, count: number): Promise<number> {
  const label = `millwright.bench=${process.pid}`;
  const plain = await Promise.all(
    Array.from({ length: count }, () =>
      engine.createContainer({
        ...{ Image: IMAGE, Entrypoint: ['sleep'], Cmd: ['600'] },
        Labels: { [label.split('=')[0] ?? '']: String(process.pid) },
        HostConfig: { NetworkMode: 'none' },
      }),
    ),
  );
  const deaths = await watchDeaths(engine, label);
  try {
    for (const one of plain) await one.start();
    const from = Date.now();
    await Promise.all(plain.map((one) => one.kill()));
    for (const until = from + 30_000; deaths.since('die', from).length < count; await sleep(20))
      if (Date.now() > until) throw new Error('containers that were killed live on');
    return Math.max(...deaths.since('die', from)) - from;
  } finally {
    deaths.close();
    for (const one of plain) await one.remove({ force: true, v: true });
  }
}
