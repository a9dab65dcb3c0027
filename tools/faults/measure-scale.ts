import { readFileSync } from 'node:fs';
import { Redis } from 'ioredis';
import { Bed, type Machine } from './bed.ts';

// What `npm run bench -- --only scale` measures, as a program that prints one line of JSON: tickets a minute with one, two and four runners whose model
// takes two seconds a turn; the orchestrator's own processor time a ticket; a dead orchestrator's successor; what a flushed Redis loses.

const [, , tickets = '24', takeovers = '10'] = process.argv;
const REPOS = Array.from({ length: 8 }, (_, nth) => `shop${nth + 1}`);

/** Of a process so far, user and system. Milliseconds, in steps of ten. */
const cpuMs = (pid: number): number => {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return 10 * (Number(fields[11]) + Number(fields[12]));
};

const bed = await Bed.start({ runners: 0, repos: REPOS, turns: 1, modelMs: 2_000, deploys: false });
const scale: { runners: number; seconds: number; orchestratorMs: number; runnersMs: number }[] = [];
try {
  const filed = async (count: number) => {
    const all = Array.from({ length: count }, (_, nth) => bed.file(REPOS[nth % REPOS.length]));
    return new Set((await Promise.all(all)).map(({ ticket }) => ticket));
  };
  const closed = (from: number, open: Set<string>) =>
    bed.until('every ticket', async () => {
      for (const { entry } of await bed.entries(from)) {
        if (entry?.type !== 'ticket.closed') continue;
        if (entry.data.end !== 'done') throw new Error(`${entry.data.ticket}: ${entry.data.reason}`);
        open.delete(entry.data.ticket);
      }
      return open.size === 0;
    });
  for (const runners of [1, 2, 4]) {
    const names = Array.from({ length: runners }, (_, nth): Machine => `r${nth + 1}`);
    for (const name of names) await bed.up(name);
    const from = await bed.trail.head();
    const holder = bed.process(await bed.holder()).pid ?? 0;
    const pids = names.map((name) => bed.process(name).pid ?? 0);
    const before = [cpuMs(holder), pids.reduce((sum, pid) => sum + cpuMs(pid), 0)] as const;
    const began = performance.now();
    await closed(from, await filed(Number(tickets)));
    const seconds = (performance.now() - began) / 1_000;
    const spent = pids.reduce((sum, pid) => sum + cpuMs(pid), 0) - before[1];
    scale.push({
      ...{ runners, seconds },
      orchestratorMs: (cpuMs(holder) - before[0]) / Number(tickets),
      runnersMs: spent / Number(tickets),
    });
    for (const name of names) await bed.kill(name);
  }

  // Killed at rest: from the signal until the other one has the factory and answers.
  const took: number[] = [];
  for (let nth = 0; nth < Number(takeovers); nth += 1) {
    const holder = await bed.holder();
    const other = holder === 'o1' ? 'o2' : 'o1';
    await bed.until('the other stands by', () => bed.stands(other));
    const at = performance.now();
    bed.process(holder).kill('SIGKILL');
    while ((await bed.ready(other)) !== 200);
    took.push(performance.now() - at);
    await bed.kill(holder);
    await bed.up(holder);
  }

  // As many stages as the runners have places for are given out, and nobody is there to take them: their wake-ups are in Redis when it is flushed.
  for (const name of ['r1', 'r2', 'r3', 'r4'] as const) await bed.up(name);
  const from = await bed.trail.head();
  const waiting = await filed(Number(tickets));
  const redis = new Redis({ port: bed.redisPort });
  const flushes = setInterval(() => void redis.flushall(), 50);
  const began = performance.now();
  await closed(from, waiting);
  clearInterval(flushes);
  redis.disconnect();
  const flushedSeconds = (performance.now() - began) / 1_000;
  process.stdout.write(`${JSON.stringify({ scale, took, flushedSeconds })}\n`);
} finally {
  await bed.close();
}
