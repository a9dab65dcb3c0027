import { readFileSync } from 'node:fs';
import { chown, lstat, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type ChangedPath, GitSha, PatchId } from '@millwright/domain';
import type { Engine } from '../engine/engine.ts';
import { AGENT } from '../engine/hardening.ts';
import { removeTree } from '../engine/host.ts';
import { DEFAULT_LIMITS } from '../engine/limits.ts';
import { type CleanEnd, runClean } from '../tool-process/clean.ts';
import { keepOver, keepUnpacked, UNPACK_TREE, unpackArgs, upperIn, wholeOf } from '../workspace/checkout.ts';
import { overlayOptions, type Upper } from '../workspace/overlay.ts';
import { type Box, type Checkout, foldersOf, type Refused } from '../workspace/sandbox.ts';
import { CHANGE_MAX_BYTES, CHANGE_MAX_PATHS, checkChange, type Touched } from './change.ts';

const SCRIPT = `${UNPACK_TREE}${readFileSync(join(import.meta.dirname, 'extract.sh'), 'utf8')}`;
const MAX_STDOUT = CHANGE_MAX_BYTES + 16 * 1_048_576;

export type ExtractResult =
  | {
      kind: 'change';
      baseTree: GitSha;
      tree: GitSha;
      patch: Uint8Array;
      patchId: PatchId;
      paths: ChangedPath[];
      /** Those of the paths that are links now. */
      links: string[];
    }
  /** The workspace is `from`, to the byte. */
  | { kind: 'empty' }
  | Refused;

const LINK = '120000';

const REASONS: Record<number, [code: string, reason: string]> = {
  21: ['unreadable', 'a file of the workspace cannot be taken (not a plain file, or not readable)'],
  22: ['too_many_paths', `more than ${CHANGE_MAX_PATHS} new files; add what is generated to .gitignore`],
  23: ['submodule', 'a folder is a git repository of its own; remove its .git folder'],
  24: ['git_path', 'git refuses a path'],
  26: ['too_large', 'the files that were written hold more than 256 MiB'],
  25: ['unreadable', 'a .gitignore is a plain file of at most 256 KiB'],
};

/** A path as a gitignore pattern that matches it alone. */
export const gitPattern = (path: string): string => path.replace(/[\\*?[\] !#]/g, '\\$&');

/**
 * Kills the sandbox and says what it changed, measured against `from`. Which new files count is what `git add -A` in the workspace would take: the
 * workspace's .gitignore files are honoured (they can only leave things out of the change, and tests run on the resulting tree);
 * what the dependencies' installation made never counts. A change that may leave is among the checkouts afterwards: who looks at it next
 * starts no container to unpack it (0.3 s on an idle machine). Measured: 0.3 s.
 */
export async function extractChange(engine: Engine, box: Box, from: Checkout): Promise<ExtractResult> {
  const dead = box.kill();
  dead.catch(() => undefined); // who waits for it is told
  const scratch = join(engine.folders.scratch, engine.name());
  const out = join(scratch, 'out');
  await mkdir(out, { recursive: true });
  await chown(out, AGENT, AGENT);
  try {
    const { checkout: start } = box.lowers;
    const on = start.over?.on ?? (await wholeOf(engine, [start.tree]));
    const made = on === null ? null : { on, upper: await upperIn(scratch) };
    const result = readChange(await runExtraction(engine, box, from, out, made, dead), from);
    const left = (name: string) => lstat(join(out, name)).catch(() => null);
    if (result.kind !== 'change') return result;
    if (made !== null && (await left('made')) !== null)
      await keepOver(engine, made.upper, result.tree, made.on.tree);
    if (made === null && (await left('tree')) !== null)
      await keepUnpacked(engine, join(out, 'tree'), result.tree);
    return result;
  } finally {
    await removeTree(scratch);
  }
}

/**
 * The workspace is mounted, and the script runs, once the sandbox is dead. `out` is where the container leaves what the change comes to, or says that it is
 * in `made.upper`, over that checkout.
 */
function runExtraction(
  engine: Engine,
  box: Box,
  from: Checkout,
  out: string,
  made: { on: Checkout; upper: Upper } | null,
  dead: Promise<void>,
): Promise<CleanEnd> {
  const { upper, deps, checkout: start } = box.lowers;
  const [, ...unpacking] = unpackArgs(start.tree);
  const labels = engine.labels({ ...box.options, purpose: 'extract' });
  return runClean(engine, {
    image: engine.image,
    script: SCRIPT,
    args: [
      start.tree,
      from.tree,
      String(CHANGE_MAX_BYTES),
      String(CHANGE_MAX_PATHS),
      ...unpacking,
      made?.on.tree ?? '',
      ...(deps?.created ?? []).map((path) => `/${gitPattern(path)}`),
    ],
    labels,
    mounts: [
      {
        kind: 'overlay',
        volume: `${engine.name()}-extract`,
        target: '/workspace',
        options: overlayOptions([upper, ...foldersOf(start)]),
        readOnly: true,
        labels,
      },
      { kind: 'bind', source: upper, target: '/upper', readOnly: true },
      { kind: 'bind', source: join(start.path, '.git/objects'), target: '/objects/start', readOnly: true },
      { kind: 'bind', source: join(from.path, '.git/objects'), target: '/objects/from', readOnly: true },
      { kind: 'bind', source: out, target: '/out', readOnly: false },
      ...(made === null
        ? []
        : [
            {
              ...{
                kind: 'overlay' as const,
                volume: `${engine.name()}-made`,
                target: '/made',
                readOnly: false,
              },
              ...{ labels, options: overlayOptions([made.on.path], made.upper) },
            },
          ]),
    ],
    // What was written to the workspace may all be new objects, and lies in /tmp here.
    limits: { ...DEFAULT_LIMITS, tmpMb: DEFAULT_LIMITS.memoryMb / 2, wallMs: 120_000 },
    maxStdout: MAX_STDOUT,
    after: dead,
  });
}

function readChange(end: CleanEnd, from: Checkout): ExtractResult {
  const said = end.stderr.trim().slice(-1_000);
  if (end.kind !== 'exited')
    return { kind: 'refused', code: 'too_large', reason: `the change cannot be taken: ${end.kind}` };
  if (end.exitCode !== 0) {
    const [code, reason] = REASONS[end.exitCode] ?? ['failed', 'the change cannot be taken'];
    return { kind: 'refused', code, reason: `${reason}: ${said}` };
  }
  const parsed = parseExtraction(end.stdout);
  if (parsed === null)
    return { kind: 'refused', code: 'failed', reason: 'the extraction gave no believable answer' };
  const bad = checkChange({ touched: parsed.touched, patchBytes: parsed.patch.length });
  if (bad !== null)
    return {
      kind: 'refused',
      code: bad.code,
      reason: bad.path === null ? bad.reason : `${bad.path}: ${bad.reason}`,
    };
  if (parsed.touched.length === 0) return { kind: 'empty' };
  const tree = GitSha.safeParse(parsed.tree);
  const patchId = PatchId.safeParse(parsed.patchId);
  if (!tree.success || !patchId.success)
    return { kind: 'refused', code: 'failed', reason: 'the extraction gave no tree or no patch-id' };
  return {
    kind: 'change',
    baseTree: GitSha.parse(from.tree),
    tree: tree.data,
    patch: parsed.patch,
    patchId: patchId.data,
    paths: parsed.paths,
    links: parsed.touched.flatMap(({ path, newMode }) => (newMode === LINK ? [path] : [])),
  };
}

type Extraction = {
  tree: string;
  patchId: string;
  patch: Buffer;
  touched: Touched[];
  paths: ChangedPath[];
};

const PARTS = ['tree', 'raw', 'numstat', 'id', 'links', 'patch'] as const;
type Part = (typeof PARTS)[number];
const STATUS: Record<string, ChangedPath['status']> = {
  A: 'added',
  M: 'modified',
  D: 'deleted',
  T: 'type_changed',
};

/** Reads what extract.sh printed. Null for anything that it does not print. Pure. */
export function parseExtraction(stdout: Buffer): Extraction | null {
  const parts = split(stdout);
  if (parts === null) return null;
  const links = parseLinks(parts.links);
  const counts = parseNumstat(parts.numstat);
  const touched: Touched[] = [];
  const paths: ChangedPath[] = [];
  const fields = parts.raw.toString('utf8').split('\0');
  if (fields.pop() !== '' || fields.length % 2 !== 0) return null;
  for (let at = 0; at < fields.length; at += 2) {
    // `:100644 120000 <old id> <new id> T`, then the path (git-diff-tree, "Raw output format").
    const match = /^:(\d{6}) (\d{6}) [0-9a-f]+ ([0-9a-f]+) ([AMDT])$/.exec(fields[at] ?? '');
    const path = fields[at + 1] ?? '';
    const [, oldMode, newMode, id, letter] = match ?? [];
    const status = STATUS[letter ?? ''];
    if (oldMode === undefined || newMode === undefined || id === undefined || status === undefined)
      return null;
    touched.push({ path, oldMode, newMode, link: newMode === '120000' ? (links.get(id) ?? null) : null });
    paths.push({ path, status, ...(counts.get(path) ?? { added: 0, removed: 0 }) });
  }
  return {
    tree: parts.tree.toString('latin1').trim(),
    patchId: parts.id.toString('latin1').split(' ')[0] ?? '',
    patch: parts.patch,
    touched,
    paths,
  };
}

function split(stdout: Buffer): Record<Part, Buffer> | null {
  const empty = Buffer.alloc(0);
  const found: Record<Part, Buffer> = {
    tree: empty,
    raw: empty,
    numstat: empty,
    id: empty,
    links: empty,
    patch: empty,
  };
  // `wc -c` of the parts, in their order, and then the parts.
  const sizes: number[] = [];
  let at = 0;
  for (const name of [...PARTS, 'total']) {
    const line = stdout.indexOf(10, at);
    if (line < 0 || line - at > 64) return null;
    const match = /^ *(\d+) ([a-z]+)$/.exec(stdout.toString('latin1', at, line));
    if (match?.[2] !== name) return null;
    sizes.push(Number(match[1]));
    at = line + 1;
  }
  for (const [nth, part] of PARTS.entries()) {
    const end = at + (sizes[nth] ?? 0);
    if (end > stdout.length) return null;
    found[part] = stdout.subarray(at, end);
    at = end;
  }
  return at === stdout.length ? found : null;
}

/** `git cat-file --batch`: `<id> blob <size>\n<content>\n`, or `<id> missing\n`. A target that is not UTF-8 is left out. */
function parseLinks(links: Buffer): Map<string, string> {
  const targets = new Map<string, string>();
  let at = 0;
  while (at < links.length) {
    const line = links.indexOf(10, at);
    if (line < 0) break;
    const match = /^([0-9a-f]+) blob (\d+)$/.exec(links.toString('latin1', at, line));
    if (match === null) {
      at = line + 1;
      continue;
    }
    const content = links.subarray(line + 1, line + 1 + Number(match[2]));
    const text = content.toString('utf8');
    if (Buffer.from(text, 'utf8').equals(content)) targets.set(match[1] ?? '', text);
    at = line + 1 + Number(match[2]) + 1;
  }
  return targets;
}

/** `<added>\t<removed>\t<path>\0`, with `-` for binary files. */
function parseNumstat(numstat: Buffer): Map<string, { added: number; removed: number }> {
  const counts = new Map<string, { added: number; removed: number }>();
  for (const record of numstat.toString('utf8').split('\0')) {
    const match = /^(\d+|-)\t(\d+|-)\t(.*)$/s.exec(record);
    if (match === null) continue;
    counts.set(match[3] ?? '', { added: Number(match[1]) || 0, removed: Number(match[2]) || 0 });
  }
  return counts;
}
