import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ownPostgres } from '@millwright/store/testing';
import { measured } from '../programs/line.ts';
import { type Row, type Spread, single } from '../row.ts';
import { fill } from './long.ts';

// What a verifier pays at a million entries: the whole trail from its database, one entry, an exported file. Each program is a process of its
// own; the same is done on a quarter of the trail, to see what grows.

const PROGRAM = join(import.meta.dirname, '..', 'programs', 'verifying.ts');
const CLI = join(import.meta.dirname, '..', '..', 'apps', 'cli', 'src', 'main.ts');
const LONGEST_MS = 900_000;
/** What grew with the trail would end it. Without bounds the heap is collected late, and how late is all that would be measured as memory. */
const BOUNDED = { NODE_OPTIONS: '--max-old-space-size=64 --max-semi-space-size=8' };

type Rate = { perSecond: number; perCpuSecond: number; mb: number };
type Proofs = { made: Spread; checked: Spread; vkey: string };

async function onTrailOf<T>(
  runs: number,
  work: (ask: <R>(mode: string, ...args: string[]) => Promise<R>, folder: string) => Promise<T>,
): Promise<T> {
  const own = await ownPostgres();
  const keys = mkdtempSync(join(tmpdir(), 'millwright-bench-keys-'));
  try {
    await fill(own.url.postgres, runs);
    return await work(
      (mode, ...args) =>
        measured(
          PROGRAM,
          [own.url.orchestrator, keys, mode, ...args],
          LONGEST_MS,
          mode === 'verify' ? BOUNDED : {},
        ),
      keys,
    );
  } finally {
    await own.close();
    rmSync(keys, { recursive: true, force: true });
  }
}

/** Entries a second of the command as it is typed, its start included. */
async function verifyFile(path: string, vkey: string): Promise<number> {
  const from = performance.now();
  const args = [CLI, 'trail', 'verify', '--bundle', path, '--key', vkey, '--json'];
  const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: LONGEST_MS });
  return (JSON.parse(stdout).entries * 1_000) / (performance.now() - from);
}

const thousands = (n: number): string => Math.round(n).toLocaleString('en-US');

export async function verification(_: unknown, quick: boolean): Promise<Row[]> {
  const runs = quick ? 200 : 20_000;
  const [few, many] = [(runs / 4) * 50, runs * 50];
  const small = await onTrailOf(runs / 4, async (ask) => {
    await ask<Rate>('seal', String(few));
    return ask<Rate>('verify');
  });
  return onTrailOf(runs, async (ask, folder) => {
    const sealed = await ask<Rate>('seal', String(many));
    const whole = await ask<Rate>('verify');
    const proofs = await ask<Proofs>('prove', String(many), quick ? '50' : '500');
    const file = await verifyFile(join(folder, 'range.jsonl'), proofs.vkey);
    const cpu = (rate: Rate) => `${thousands(rate.perCpuSecond)} a second of its own processor time.`;
    return [
      {
        what: `sealing ${thousands(many)} entries`,
        unit: '/s',
        ours: single(sealed.perSecond),
        note: cpu(sealed),
      },
      {
        what: `verifying ${thousands(many)} entries from the database`,
        unit: '/s',
        ours: single(whole.perSecond),
        aim: 80_000,
        note: cpu(whole),
      },
      {
        what: 'verifying an exported file',
        unit: '/s',
        ours: single(file),
        aim: 400_000,
        note: 'all of them, as lines under one proof: `trail verify --bundle` as it is typed, its start included.',
      },
      {
        what: `memory of verifying ${thousands(few)} entries`,
        unit: 'MB',
        ours: single(small.mb),
        note: 'the most that was resident, Node with it; its heap is capped at 64 MB, and what is young of it at 24.',
      },
      { what: `memory of verifying ${thousands(many)} entries`, unit: 'MB', ours: single(whole.mb) },
      {
        what: `an inclusion proof at ${thousands(many)} entries, made`,
        unit: 'ms',
        ours: proofs.made,
        aim: 1,
      },
      {
        what: `an inclusion proof at ${thousands(many)} entries, checked`,
        unit: 'ms',
        ours: proofs.checked,
        aim: 0.05,
        note: 'leaf and path; the checkpoint’s signature is checked once for all.',
      },
    ];
  });
}
