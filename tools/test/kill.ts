// `npm run test:kill`: the thin run once for every entry that it appends, with the orchestrator or the runner killed (-9) right after that
// entry, and once more with its writer killed right before it is recorded. A line a case, a table of what went wrong at the end.
// `npm run test:kill -- deploy` does the cases whose name has that in it; `--lanes N` runs on N factories side by side (2), `--minutes N`
// ends it after that time (120) with what is left undone counted as failed.

import { parseArgs } from 'node:util';
import { check, courseOf } from '../e2e/kill/check.ts';
import { Lane } from '../e2e/kill/lane.ts';
import type { Victim } from '../e2e/kill/processes.ts';
import { type Point, said } from '../e2e/kill/trap.ts';

type Kind = 'done' | 'rolled_back';
type Case = { name: string; kind: Kind; point: Point };

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { lanes: { type: 'string', default: '2' }, minutes: { type: 'string', default: '120' } },
});
const until = Date.now() + Number(values.minutes) * 60_000;
let interrupted = false;
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.on(signal, () => {
    if (!interrupted) console.log('stopping after the cases under way');
    interrupted = true;
  });

/** The cases that a clean run's entries give: each entry's turn in its type, killed after by either, killed before by its writer. */
async function casesOf(lane: Lane, kind: Kind, from: number, first: string): Promise<Case[]> {
  const rows = await lane.database.ask(
    `select type, actor from millwright.entries where position > ${from} and type !~ '^(factory|repo)' order by position`,
  );
  const start = rows.findIndex(({ type }) => type === first);
  const seen = new Map<string, number>();
  return rows.flatMap(({ type: text, actor }, index) => {
    const type = String(text);
    const skip = seen.get(type) ?? 0;
    seen.set(type, skip + 1);
    if (index < start) return [];
    const writer: Victim = /^(runner|agent)\//.test(String(actor)) ? 'runner' : 'orchestrator';
    const points: Point[] = [
      { type, skip, victim: 'orchestrator', moment: 'after' },
      { type, skip, victim: 'runner', moment: 'after' },
      { type, skip, victim: writer, moment: 'before' },
    ];
    return points.map((point) => ({ kind, point, name: `${kind}: ${said(point)}` }));
  });
}

const size = async (lane: Lane) =>
  Number((await lane.database.ask('select count(*)::int as n from millwright.entries'))[0]?.n);

/** A run without a kill, and its course. It has to be sound itself. */
async function clean(lane: Lane, kind: Kind): Promise<string[]> {
  const ended = await lane.run(kind, []);
  const found = await check(lane, ended, 0, null);
  if (found.length > 0) throw new Error(`without any kill: ${found.join('; ')}`);
  return courseOf(ended);
}

async function one(lane: Lane, { kind, point }: Case, course: readonly string[]): Promise<string[]> {
  try {
    const ended = await lane.run(kind, [point]);
    const found = await check(lane, ended, 1, course);
    if (found.length > 0) lane.leavePlace();
    return found;
  } catch (error) {
    lane.leavePlace();
    return [error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error)];
  }
}

const lanes = await Promise.all(Array.from({ length: Number(values.lanes) }, () => Lane.start(400)));
const failed: { name: string; found: string[] }[] = [];
let passed = 0;
let undone = 0;
try {
  const [lane] = lanes;
  if (lane === undefined) throw new Error('--lanes: at least one');
  const course = { done: [] as string[], rolled_back: [] as string[] };
  const cases: Case[] = [];
  for (const [kind, first] of [
    ['done', 'ticket.filed'],
    ['rolled_back', 'deploy.started'],
  ] as const) {
    const from = await size(lane);
    course[kind] = await clean(lane, kind);
    cases.push(...(await casesOf(lane, kind, from, first)));
  }
  await Promise.all(lanes.slice(1).map((other) => clean(other, 'done')));
  const wanted = cases.filter(({ name }) => positionals.every((part) => name.includes(part)));
  console.log(`${wanted.length} cases on ${lanes.length} factories`);
  const next = wanted.values();
  await Promise.all(
    lanes.map(async (mine) => {
      for (const each of next) {
        if (interrupted || Date.now() > until) {
          undone += 1;
          continue;
        }
        const started = Date.now();
        const found = await one(mine, each, course[each.kind]);
        console.log(
          `${found.length === 0 ? '✓' : '✗'} ${each.name.padEnd(58)} ${((Date.now() - started) / 1000).toFixed(1).padStart(6)} s`,
        );
        for (const what of found) console.log(`    ${what}`);
        if (found.length === 0) passed += 1;
        else failed.push({ name: each.name, found });
      }
    }),
  );
} finally {
  for (const lane of lanes)
    await lane.close().catch((error: Error) => {
      failed.push({
        name: 'the end of a factory',
        found: [error.message.split('\n').slice(0, 20).join('\n')],
      });
    });
}
if (failed.length > 0) console.log('');
for (const { name, found } of failed) console.log(`✗ ${name}\n    ${found.join('\n    ')}`);
if (undone > 0) console.log(`${undone} cases were not done`);
console.log(`\n${passed} passed, ${failed.length + undone} failed`);
process.exitCode = failed.length + undone === 0 ? 0 : 1;
