// `npm run simulate -- --seeds 10000`: the factory's own code over simulated ports, one drive a seed, with everything that goes wrong drawn from it.
// What does not hold is shrunk, and printed as the one command that does it again. `--seed N` does one drive and tells it, `--faults 0,3` with
// these of its faults alone, `--tickets 1` with so many of its tickets.

import { parseArgs } from 'node:util';
import { type Driven, drive } from './drive.ts';
import { type Plan, planOf } from './plan.ts';
import { cut, shrink } from './shrink.ts';

const USAGE = `npm run simulate -- [--seeds N] [--from N]             as many drives, from that seed on
npm run simulate -- --seed N [--faults 0,3] [--tickets N]  one drive, told entry by entry`;

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '1000' },
    from: { type: 'string', default: '1' },
    seed: { type: 'string' },
    faults: { type: 'string' },
    tickets: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});
const number = (text: string): number => {
  const found = Number(text);
  if (!Number.isInteger(found) || found < 0) {
    process.stderr.write(`not a number: ${text}\n${USAGE}\n`);
    process.exit(2);
  }
  return found;
};

function tell({ plan, outside, broken, ends, ms, fingerprint }: Driven): void {
  console.log(
    `seed ${plan.seed}: ${plan.tickets.length} tickets, ${plan.orchestrators} orchestrators, ${plan.runners} runners`,
  );
  for (const [nth, fault] of plan.faults.entries()) console.log(`  fault ${nth}: ${JSON.stringify(fault)}`);
  const lines = outside.database.entries.map(({ envelope, entry }) => {
    const data = JSON.stringify(entry.data);
    return `${envelope.at - outside.time.begin} ms  ${envelope.stream} ${entry.type} by ${envelope.actor} ${data.slice(0, 300)}`;
  });
  const at = (line: string) => Number(line.split(' ')[0]);
  for (const line of [...lines, ...outside.notes.map((note) => note.replace('ms  ', 'ms  # '))].sort(
    (a, b) => at(a) - at(b),
  ))
    console.log(line);
  console.log(`${ms} ms; runs ended: ${ends.join(', ') || 'none'}; ${fingerprint}`);
  console.log(broken === null ? 'all held' : `BROKEN: ${broken.invariant}: ${broken.what}`);
}

async function one(seed: number): Promise<number> {
  const whole = planOf(seed);
  const faults =
    values.faults === undefined
      ? whole.faults.map((_, nth) => nth)
      : values.faults.split(',').filter(Boolean).map(number);
  const tickets = values.tickets === undefined ? whole.tickets.length : number(values.tickets);
  const driven = await drive(cut(whole, faults, tickets));
  tell(driven);
  return driven.broken === null ? 0 : 1;
}

async function explain(plan: Plan, invariant: string): Promise<void> {
  const { faults, tickets, driven } = await shrink(plan, invariant);
  console.log(`  ${invariant}: ${driven.broken?.what}`);
  for (const fault of driven.plan.faults) console.log(`    ${JSON.stringify(fault)}`);
  console.log(
    `  again: npm run simulate -- --seed ${plan.seed} --faults=${faults.join(',')} --tickets ${tickets}`,
  );
}

async function many(from: number, count: number): Promise<number> {
  const began = process.cpuUsage();
  const ends = new Map<string, number>();
  let [broken, steps, ms] = [0, 0, 0];
  for (let seed = from; seed < from + count; seed += 1) {
    const plan = planOf(seed);
    const driven = await drive(plan);
    for (const end of driven.ends) ends.set(end, (ends.get(end) ?? 0) + 1);
    steps += driven.steps;
    ms += driven.ms;
    if (driven.broken === null) continue;
    broken += 1;
    console.log(`seed ${seed} is broken`);
    await explain(plan, driven.broken.invariant);
  }
  const { user, system } = process.cpuUsage(began);
  const seconds = (user + system) / 1_000_000;
  const said = [...ends].sort(([, a], [, b]) => b - a).map(([end, times]) => `${times} ${end}`);
  console.log(
    `${count} drives, ${count - broken} held; runs: ${said.join(', ')}; ${(ms / 60_000).toFixed(0)} simulated minutes, ${steps} steps, ${seconds.toFixed(1)} s of a core`,
  );
  return broken === 0 ? 0 : 1;
}

if (values.help) console.log(USAGE);
else
  process.exitCode =
    values.seed === undefined
      ? await many(number(values.from), number(values.seeds))
      : await one(number(values.seed));
