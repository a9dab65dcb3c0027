import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RangeVerifier } from '@millwright/audit/proof';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { StandInLog } from '../testing/log.ts';
import { verifyRange } from './verify.ts';

const ENTRIES = 600;
const RUN = 'run/run_0000000000000001';
const log = new StandInLog();
log.append(RUN, 'run.opened', {});
for (let i = 2; i < ENTRIES; i++)
  log.append(i % 3 === 0 ? RUN : 'factory', 'factory.halted', { reason: `${i}` });
log.append(RUN, 'run.closed', { streams: { [RUN]: 2 + Math.floor((ENTRIES - 1) / 3) } });
const whole = Buffer.from(log.range(0, ENTRIES));
const vkeys = [log.signer.vkey];

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'millwright-range-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** The verdict of several threads, each having several stretches of lines. */
async function byThreads(file: Buffer) {
  const path = join(folder, 'range.jsonl');
  writeFileSync(path, file);
  return verifyRange(path, vkeys, { threads: 3, chunkBytes: 4_096 });
}

function byOne(file: Buffer) {
  const verifier = new RangeVerifier(vkeys);
  verifier.push(file);
  return verifier.finish();
}

const at = (text: string) => whole.indexOf(text);

it.each<[string, (file: Buffer) => Buffer, object]>([
  [
    'untouched',
    (file) => file,
    { integrity: { kind: 'ok' }, completeness: { kind: 'complete' }, entries: ENTRIES },
  ],
  [
    'a payload',
    (file) => file.fill('x', at('"reason":"300"') + 10, at('"reason":"300"') + 11),
    { integrity: { code: 'payload', position: 300 } },
  ],
  [
    'an envelope',
    (file) => file.fill('x', at('"position":450,') - 10, at('"position":450,') - 9),
    { integrity: { code: 'changed', position: 449 } },
  ],
  [
    'a line left out',
    (file) =>
      Buffer.concat([
        file.subarray(0, file.indexOf(10, at('"position":200,')) + 1),
        file.subarray(file.indexOf(10, at('"position":201,')) + 1),
      ]),
    { integrity: { code: 'removed', through: 201 } },
  ],
  ['cut', (file) => file.subarray(0, -2_000), { integrity: { code: 'truncated' } }],
  [
    'more behind it',
    (file) => Buffer.concat([file, Buffer.from('{}\n')]),
    { integrity: { kind: 'unreadable' } },
  ],
  [
    'two changes: the first is named',
    (file) =>
      file
        .fill('x', at('"reason":"300"') + 10, at('"reason":"300"') + 11)
        .fill('x', at('"reason":"500"') + 10, at('"reason":"500"') + 11),
    { integrity: { code: 'payload', position: 300 } },
  ],
  ['nothing of a range', () => Buffer.from('hello'), { integrity: { code: 'not-json' } }],
])('%s: several threads say what one says', async (_, change, expected) => {
  const file = change(Buffer.from(whole));
  const verdict = await byThreads(file);
  expect(verdict).toMatchObject(expected);
  expect(verdict).toEqual(byOne(file));
});

it('a file that cannot be read is said to the caller, and no thread stays', async () => {
  await expect(verifyRange(join(folder, 'none'), vkeys)).rejects.toMatchObject({ code: 'ENOENT' });
  await expect(verifyRange(folder, vkeys, { threads: 2 })).rejects.toMatchObject({ code: 'EISDIR' });
});
