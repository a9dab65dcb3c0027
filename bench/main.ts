import { parseArgs } from 'node:util';
import { migrateQueue } from '@millwright/queue';
import { type OwnPostgres, ownPostgres } from '@millwright/store/testing';
import { conditions } from './conditions.ts';
import { agents } from './factory/agents.ts';
import { bake } from './factory/bake.ts';
import { halt } from './factory/halt.ts';
import { idle } from './factory/idle.ts';
import { scale } from './factory/scale.ts';
import { ticket } from './factory/ticket.ts';
import { trees } from './factory/trees.ts';
import { peerAgents } from './peers/agents.ts';
import { rollback } from './rollback.ts';
import type { Row } from './row.ts';
import { sandbox } from './sandbox.ts';
import { notes, table } from './table.ts';
import { appends } from './trail/appends.ts';
import { large } from './trail/large.ts';
import { pages } from './trail/pages.ts';
import { stages } from './trail/stages.ts';
import { takeover } from './trail/takeover.ts';
import { verification } from './trail/verification.ts';
import { verdicts } from './verdicts.ts';

// `npm run bench`: every number of the issue's "Speed", each bounded in time, none leaving anything behind.
// `npm run bench -- --quick` runs few of each, to see that they work; `--only stages,ticket` runs some; `--json` prints the rows.

type Bench = { name: string; minutes: number; run(postgres: OwnPostgres, quick: boolean): Promise<Row[]> };

const ALL: readonly Bench[] = [
  { name: 'stages', minutes: 6, run: stages },
  { name: 'takeover', minutes: 1, run: takeover },
  { name: 'scale', minutes: 15, run: scale },
  { name: 'sandbox', minutes: 6, run: sandbox },
  { name: 'ticket', minutes: 3, run: ticket },
  { name: 'trees', minutes: 30, run: trees },
  { name: 'agents', minutes: 25, run: agents },
  { name: 'tokens', minutes: 8, run: peerAgents },
  { name: 'rollback', minutes: 9, run: rollback },
  { name: 'bake', minutes: 5, run: bake },
  { name: 'halt', minutes: 6, run: halt },
  { name: 'verdicts', minutes: 6, run: verdicts },
  // After a factory has run: the first start after a change of the code compiles it, and keeps the compiler in memory.
  { name: 'idle', minutes: 1, run: idle },
  { name: 'appends', minutes: 1, run: appends },
  // Each on a million entries of its own.
  { name: 'verification', minutes: 15, run: verification },
  { name: 'pages', minutes: 10, run: pages },
  { name: 'large', minutes: 20, run: large },
];

const { values } = parseArgs({
  options: { quick: { type: 'boolean' }, json: { type: 'boolean' }, only: { type: 'string' } },
});
const quick = values.quick === true;
const wanted = values.only?.split(',') ?? ALL.map(({ name }) => name);
const unknown = wanted.find((name) => !ALL.some((one) => one.name === name));
if (unknown !== undefined) {
  process.stderr.write(`unknown: ${unknown}; there are ${ALL.map(({ name }) => name).join(', ')}\n`);
  process.exit(2);
}

const say = (text: string) => process.stderr.write(`${text}\n`);

async function within<T>(name: string, minutes: number, work: Promise<T>): Promise<T> {
  let late: NodeJS.Timeout | undefined;
  const limit = new Promise<never>((_, reject) => {
    late = setTimeout(() => reject(new Error(`${name} took more than ${minutes} min`)), minutes * 60_000);
  });
  return Promise.race([work, limit]).finally(() => clearTimeout(late));
}

const postgres = await ownPostgres();
const rows: Row[] = [];
let failures = 0;
try {
  await migrateQueue(postgres.url.migrator);
  const told = conditions('PostgreSQL 18 from npm');
  for (const bench of ALL.filter(({ name }) => wanted.includes(name))) {
    const from = performance.now();
    try {
      rows.push(...(await within(bench.name, bench.minutes, bench.run(postgres, quick))));
      say(`✓ ${bench.name}  ${((performance.now() - from) / 1_000).toFixed(1)} s`);
    } catch (error) {
      failures += 1;
      say(`✗ ${bench.name}  ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  if (values.json === true) process.stdout.write(`${JSON.stringify({ conditions: told, rows }, null, 1)}\n`);
  else
    process.stdout.write(
      `\nConditions\n\n${told.map((line) => `- ${line}`).join('\n')}\n\n${table(rows)}\n\n${notes(rows)}\n`,
    );
} finally {
  await postgres.close();
}
process.exitCode = failures === 0 ? 0 : 1;
