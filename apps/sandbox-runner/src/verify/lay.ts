import { readFile } from 'node:fs/promises';
import { gzipSync } from 'node:zlib';
import { pack } from 'tar-stream';
import { quote } from './command.ts';

// What is put into a container before its tests: our reporters, the session keys, the base's configuration, the canaries. It travels as
// one archive through the workspace and is put in place by a shell script of ours, before any code of the tree has run there.

const HARNESS = [
  'bin/node',
  'hook.cjs',
  'node-reporter.mjs',
  'vitest-reporter.mjs',
  'jest-reporter.cjs',
  'mocha-reporter.cjs',
];

/** Changes to the workspace, in this order; every path is relative to its root. */
export type Laying = {
  remove: readonly string[];
  write: readonly { path: string; bytes: Uint8Array }[];
  append: readonly { path: string; text: string }[];
};

let harness: Promise<{ name: string; bytes: Buffer }[]> | undefined;
const readHarness = () => {
  harness ??= Promise.all(
    HARNESS.map(async (name) => ({
      name,
      bytes: await readFile(new URL(`./harness/${name}`, import.meta.url)),
    })),
  );
  return harness;
};

/** A gzipped tar in base64 with everything and `apply.sh`, which is run in the workspace's root with the unpacked folder as its first argument. */
export async function packLaying(laying: Laying, keys: readonly Uint8Array[]): Promise<string> {
  const script = ['set -e'];
  const files: { name: string; bytes: Uint8Array; mode?: number }[] = (await readHarness()).map((file) => ({
    ...file,
    mode: file.name === 'bin/node' ? 0o755 : 0o644,
  }));
  for (const path of laying.remove) script.push(`rm -rf -- ${quote(`./${path}`)}`);
  for (const [index, { path, bytes }] of laying.write.entries()) {
    files.push({ name: `write-${index}`, bytes });
    const to = quote(`./${path}`);
    // Removed first: a symbolic link in the candidate must not redirect the write.
    script.push(`mkdir -p -- "$(dirname ${to})"; rm -rf -- ${to}; cp -- "$1/write-${index}" ${to}`);
  }
  for (const [index, { path, text }] of laying.append.entries()) {
    files.push({ name: `append-${index}`, bytes: new TextEncoder().encode(text) });
    const to = quote(`./${path}`);
    script.push(`if [ -f ${to} ]; then cat "$1/append-${index}" >> ${to}; fi`);
  }
  script.push('rm -f "$1"/append-* "$1"/write-* "$1"/apply.sh');
  files.push({ name: 'apply.sh', bytes: new TextEncoder().encode(`${script.join('\n')}\n`) });
  for (const [index, key] of keys.entries()) files.push({ name: `key-${index}`, bytes: key, mode: 0o600 });
  const archive = pack();
  for (const { name, bytes, mode } of files) archive.entry({ name, mode: mode ?? 0o600 }, Buffer.from(bytes));
  archive.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of archive) chunks.push(chunk as Buffer);
  return gzipSync(Buffer.concat(chunks), { level: 1 }).toString('base64');
}
