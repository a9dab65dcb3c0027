import { setTimeout as sleep } from 'node:timers/promises';
import type { RunView, TicketView, TrailLine } from '@millwright/api';
import { steps } from './account.ts';
import type { Running } from './up.ts';

/** Twice a second, so that looking costs next to nothing of what is measured. */
const LOOK_MS = 500;

/** It is at work, or waits for something that is no person, such as a runner's place. */
const goesOn = ({ state, gates }: RunView): boolean =>
  state === 'running' || (state === 'waiting' && !gates.some((gate) => gate.state === 'waiting'));

/** Files a ticket; its run once it has ended, or is as asked. */
export async function runUntil(
  running: Running,
  markdown: string,
  ms: number,
  enough: (run: RunView) => boolean = () => false,
): Promise<RunView> {
  const filed = await running.api<TicketView>('POST', '/tickets', { repo: 'shop', markdown });
  for (const end = Date.now() + ms; Date.now() < end; await sleep(LOOK_MS)) {
    const [id] = (await running.api<TicketView>('GET', `/tickets/${filed.id}`)).runs;
    const run = id === undefined ? null : await running.api<RunView>('GET', `/runs/${id}`);
    if (run !== null && (!goesOn(run) || enough(run))) return run;
  }
  throw new Error(`ticket ${filed.id} did not end in ${ms} ms\n${running.log('orchestrator').slice(-2_000)}`);
}

/** A ticket from filing to the promoted release. */
export async function promoted(
  running: Running,
  markdown: string,
  ms: number,
): Promise<{ run: RunView; lines: TrailLine[] }> {
  const run = await runUntil(running, markdown, ms);
  const lines = await running.api<TrailLine[]>('GET', `/trail?run=${run.id}&limit=1000`);
  if (process.env.BENCH_STEPS) process.stderr.write(`${steps(lines).join('\n')}\n`);
  if (run.state !== 'done') throw new Error(`ticket ${run.title} ended ${run.state}: ${run.reason}`);
  return { run, lines };
}
