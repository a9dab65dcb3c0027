// A process of its own, so that its memory is what it needs and nothing else's. argv: url, folder of the sealer's key, and what to do:
// `seal ENTRIES` (seals them all), `verify` (the whole trail from its database), `prove ENTRIES TIMES` (inclusion proofs, and all entries into a file).

import { createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { openProver, openSealer, verifyTrail } from '@millwright/audit';
import {
  checkInclusion,
  leafHash,
  openCheckpoint,
  parseVerifierKey,
  readBundle,
} from '@millwright/audit/proof';
import { spreadOf } from '../row.ts';
import { clock } from './clock.ts';

const [url = '', keyFolder = '', mode = '', first = '0', second = '0'] = process.argv.slice(2);
const ORIGIN = 'bench.local/trail';
/** The file of all entries, in the key's folder. */
const RANGE = 'range.jsonl';

/** Entries a second of wall time and of this process's own time, and the most memory it had, in MB. */
function rate(entries: number, from: number, cpu: NodeJS.CpuUsage) {
  const { user, system } = process.cpuUsage(cpu);
  return {
    perSecond: (entries * 1_000) / (performance.now() - from),
    perCpuSecond: (entries * 1_000_000) / (user + system),
    mb: process.resourceUsage().maxRSS / 1_024,
  };
}

async function vkeyOf(): Promise<string> {
  const sealer = await openSealer({ url, keyFolder, origin: ORIGIN, clock });
  const vkey = await sealer.vkey();
  await sealer.stop();
  if (vkey === null) throw new Error('nothing was sealed');
  return vkey;
}

async function seal(entries: number) {
  const sealer = await openSealer({ url, keyFolder, origin: ORIGIN, clock });
  const [from, cpu] = [performance.now(), process.cpuUsage()];
  await sealer.start();
  const done = await sealer.sealed(entries, { timeoutMs: 600_000 });
  const seen = rate(entries, from, cpu);
  await sealer.stop();
  if (done !== 'sealed') throw new Error('it was not sealed in ten minutes');
  return seen;
}

async function verify() {
  const vkeys = [await vkeyOf()];
  const [from, cpu] = [performance.now(), process.cpuUsage()];
  const verdict = await verifyTrail({ url, vkeys });
  if (verdict.integrity.kind !== 'ok') throw new Error(JSON.stringify(verdict.integrity));
  return rate(verdict.entries, from, cpu);
}

async function prove(entries: number, times: number) {
  const vkey = await vkeyOf();
  const key = parseVerifierKey(vkey);
  if (key === null) throw new Error('no key');
  const prover = openProver({ url, vkey: async () => vkey });
  const made: number[] = [];
  const checked: number[] = [];
  for (let nth = -20; nth < times; nth += 1) {
    const position = 1 + Math.floor(((nth + 20) * 7_919 * 131) % entries);
    const start = performance.now();
    await prover.inclusion(position);
    if (nth >= 0) made.push(performance.now() - start);
    const read = readBundle(JSON.stringify(await prover.prove(position)));
    const opened = read.kind === 'read' ? openCheckpoint(read.bundle.checkpoint, [key]) : null;
    const entry = read.kind === 'read' ? read.bundle.entries[0] : undefined;
    if (opened?.kind !== 'opened' || entry === undefined) throw new Error('a bundle does not open');
    const { size, root } = opened.checkpoint;
    const from = performance.now();
    const holds = checkInclusion(position - 1, size, leafHash(entry.envelope), entry.proof, root);
    if (nth >= 0) checked.push(performance.now() - from);
    if (!holds) throw new Error(`the proof of ${position} does not hold`);
  }
  const lines = await prover.exportRange({ since: 0, until: entries });
  await pipeline(Readable.from(lines, { objectMode: false }), createWriteStream(join(keyFolder, RANGE)));
  await prover.close();
  return { made: spreadOf(made), checked: spreadOf(checked), vkey };
}

const result =
  mode === 'seal'
    ? await seal(Number(first))
    : mode === 'verify'
      ? await verify()
      : await prove(Number(first), Number(second));
process.stdout.write(`${JSON.stringify(result)}\n`);
