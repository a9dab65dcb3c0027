// `npm run test:kill`: the thin run with the orchestrator and with the runner killed (-9) right after every entry that it appends, and with
// its writer killed right before each is recorded. Up to eighteen kills share a run, far from each other on the trail; where such a run goes
// wrong, each of its kills has a run of its own, which says which it was. A line a run, what went wrong at the end.
// `npm run test:kill -- deploy` does the kills whose name has that in it; `--alone` gives every kill its own run (about 400, an hour),
// `--beds N` runs on N factories side by side (3), `--minutes N` ends it after that time (60) with what is left undone counted as failed.

import { parseArgs } from 'node:util';
import { check, courseOf } from '../e2e/kill/check.ts';
import { grouped } from '../e2e/kill/points.ts';
import type { Victim } from '../e2e/kill/processes.ts';
import { TestBed } from '../e2e/kill/test-bed.ts';
import { type Point, said } from '../e2e/kill/trap.ts';

type Kind = 'done' | 'rolled_back';
type Case = { kind: Kind; points: readonly Point[] };

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    beds: { type: 'string', default: '3' },
    minutes: { type: 'string', default: '60' },
    alone: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  console.log('npm run test:kill -- [PART OF A NAME …] [--alone] [--beds N] [--minutes N]');
  process.exit(0);
}
const until = Date.now() + Number(values.minutes) * 60_000;
let interrupted = false;
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.on(signal, () => {
    if (!interrupted) console.log('stopping after the cases under way');
    interrupted = true;
  });

/** As many kills of one process share a run: a few entries lie between two of them. */
const TOGETHER = 9;

/** The kills that a clean run's entries give: each entry's turn in its type, killed after by either, killed before by its writer. */
async function pointsOf(bed: TestBed, from: number, first: string): Promise<Point[]> {
  const rows = await bed.database.ask(
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
    return [
      { type, skip, victim: 'orchestrator', moment: 'after' },
      { type, skip, victim: 'runner', moment: 'after' },
      { type, skip, victim: writer, moment: 'before' },
    ] satisfies Point[];
  });
}

/** The runs for these kills, each with as many of either process as may die in one, and no two at the same entry. */
const runsFor = (kind: Kind, points: readonly Point[]): Case[] =>
  grouped(points, values.alone ? 1 : TOGETHER).map((together) => ({ kind, points: together }));

const size = async (bed: TestBed) =>
  Number((await bed.database.ask('select count(*)::int as n from millwright.entries'))[0]?.n);

/** A run without a kill, and its course. It has to be sound itself. */
async function clean(bed: TestBed, kind: Kind): Promise<string[]> {
  const ended = await bed.run(kind, []);
  const found = await check(bed, ended, 0, null);
  if (found.length > 0) throw new Error(`without any kill: ${found.join('; ')}`);
  return courseOf(ended);
}

async function one(bed: TestBed, { kind, points }: Case, course: readonly string[]): Promise<string[]> {
  const started = Date.now();
  let found: string[];
  try {
    found = await check(bed, await bed.run(kind, points), points.length, course);
  } catch (error) {
    found = [error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error)];
  }
  if (found.length > 0) bed.leavePlace();
  const seconds = ((Date.now() - started) / 1000).toFixed(1).padStart(6);
  console.log(`${found.length === 0 ? '✓' : '✗'}${seconds} s  ${kind}: ${points.map(said).join(', ')}`);
  for (const what of found) console.log(`    ${what}`);
  return found;
}

const beds = await Promise.all(Array.from({ length: Number(values.beds) }, () => TestBed.start(400)));
const failed: { name: string; found: string[] }[] = [];
let passed = 0;
let undone = 0;
try {
  const [bed] = beds;
  if (bed === undefined) throw new Error('--beds: at least one');
  const course = { done: [] as string[], rolled_back: [] as string[] };
  const cases: Case[] = [];
  for (const [kind, first] of [
    ['done', 'ticket.filed'],
    ['rolled_back', 'release.built'],
  ] as const) {
    const from = await size(bed);
    course[kind] = await clean(bed, kind);
    const points = await pointsOf(bed, from, first);
    cases.push(
      ...runsFor(
        kind,
        points.filter((point) => positionals.every((part) => `${kind}: ${said(point)}`.includes(part))),
      ),
    );
  }
  await Promise.all(beds.slice(1).map((other) => clean(other, 'done')));
  const kills = cases.reduce((sum, { points }) => sum + points.length, 0);
  console.log(`${kills} kills in ${cases.length} runs on ${beds.length} factories`);
  const next = cases.values();
  await Promise.all(
    beds.map(async (mine) => {
      for (const each of next) {
        if (interrupted || Date.now() > until) {
          undone += each.points.length;
          continue;
        }
        const found = await one(mine, each, course[each.kind]);
        if (found.length === 0) {
          passed += each.points.length;
          continue;
        }
        failed.push({ name: each.points.map(said).join(', '), found });
        if (each.points.length === 1) continue;
        for (const point of each.points) {
          if (interrupted || Date.now() > until) {
            undone += 1;
            continue;
          }
          const alone = await one(mine, { kind: each.kind, points: [point] }, course[each.kind]);
          if (alone.length === 0) passed += 1;
          else failed.push({ name: `${each.kind}: ${said(point)}`, found: alone });
        }
      }
    }),
  );
} finally {
  for (const bed of beds)
    await bed.close().catch((error: Error) => {
      failed.push({
        name: 'the end of a factory',
        found: [error.message.split('\n').slice(0, 20).join('\n')],
      });
    });
}
if (failed.length > 0) console.log('');
for (const { name, found } of failed) console.log(`✗ ${name}\n    ${found.join('\n    ')}`);
if (undone > 0) console.log(`${undone} kills were not done`);
console.log(`\n${passed} passed, ${failed.length + undone} failed`);
process.exitCode = failed.length + undone === 0 ? 0 : 1;
