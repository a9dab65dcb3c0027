import type { ChangedPath } from '@millwright/domain';
import type { Touched } from './change.ts';

export type Extraction = {
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
