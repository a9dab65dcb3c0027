import { gzipSync } from 'node:zlib';
import { type HarnessFiles, quote } from '@millwright/toolchains';
import { pack } from 'tar-stream';
import type { Entry } from './tree-entries.ts';

// What is changed in a workspace before its tests run: what comes from the base, canaries, faults. It travels with the harness as one
// archive, and is put in place by a shell script of ours before any code of the tree has run there.

/** Changes to the workspace, in this order; every path is relative to its root. A later write of a path takes the place of an earlier. */
export type HarnessPlan = {
  remove: readonly string[];
  write: readonly { path: string; entry: Entry }[];
};

export const NOTHING: HarnessPlan = { remove: [], write: [] };

export const combined = (...plans: readonly HarnessPlan[]): HarnessPlan => ({
  remove: plans.flatMap((plan) => plan.remove),
  write: [...new Map(plans.flatMap((plan) => plan.write).map((one) => [one.path, one])).values()],
});

export const textEntry = (text: string, mode = 0o644): Entry => ({
  kind: 'file',
  bytes: new TextEncoder().encode(text),
  mode,
});

/** A gzipped tar in base64 with everything and `apply.sh`, which is run in the workspace's root with the unpacked folder as its first argument. */
export async function packPlan(
  plan: HarnessPlan,
  harness: HarnessFiles,
  keys: readonly Uint8Array[],
): Promise<string> {
  const script = ['set -e', 'PATH=/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin'];
  const files: { name: string; bytes: Uint8Array; mode?: number }[] = harness.files.map(
    ({ name, text, mode }) => ({ name, bytes: new TextEncoder().encode(text), mode: mode ?? 0o644 }),
  );
  for (const path of plan.remove) script.push(`rm -rf -- ${quote(`./${path}`)}`);
  for (const [index, { path, entry }] of plan.write.entries()) {
    const to = quote(`./${path}`);
    // Whatever the tree has in the way, a link above all, must not redirect the write.
    for (const folder of foldersOf(path)) script.push(folderAt(folder));
    script.push(`rm -rf -- ${to}`);
    if (entry.kind === 'link') {
      script.push(`ln -s -- ${quote(entry.target)} ${to}`);
      continue;
    }
    files.push({ name: `write-${index}`, bytes: entry.bytes });
    script.push(`cp -- "$1/write-${index}" ${to}; chmod ${entry.mode.toString(8)} ${to}`);
  }
  script.push('rm -f "$1"/write-* "$1"/apply.sh', harness.install);
  files.push({ name: 'apply.sh', bytes: new TextEncoder().encode(`${script.join('\n')}\n`) });
  for (const [index, key] of keys.entries()) files.push({ name: `key-${index}`, bytes: key, mode: 0o600 });
  const archive = pack();
  for (const { name, bytes, mode } of files) archive.entry({ name, mode: mode ?? 0o600 }, Buffer.from(bytes));
  archive.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of archive) chunks.push(chunk as Buffer);
  return gzipSync(Buffer.concat(chunks), { level: 1 }).toString('base64');
}

const foldersOf = (path: string): string[] => {
  const parts = path.split('/').slice(0, -1);
  return parts.map((_, index) => parts.slice(0, index + 1).join('/'));
};
const folderAt = (folder: string): string => {
  const at = quote(`./${folder}`);
  return `if [ -L ${at} ] || [ ! -d ${at} ]; then rm -rf -- ${at}; mkdir -- ${at}; fi`;
};
