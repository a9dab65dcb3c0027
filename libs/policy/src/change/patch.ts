/** A line of a patch as it stands after (or, removed, before) the change; `line` is 1-based on its own side. */
type PatchLine = { kind: 'added' | 'removed' | 'context'; line: number; text: string };
export type PatchFile = { path: string; binary: boolean; mode: string | null; hunks: PatchLine[][] };

const ESCAPES: Record<string, string> = {
  a: '\x07',
  b: '\b',
  t: '\t',
  n: '\n',
  v: '\v',
  f: '\f',
  r: '\r',
  '"': '"',
  '\\': '\\',
};

/** git quotes a name with unusual bytes as a C string, octal for the bytes (core.quotePath). */
function unquote(name: string): string {
  if (!name.startsWith('"')) return name.replace(/\t$/, '');
  const bytes: number[] = [];
  const inner = name.slice(1, name.lastIndexOf('"'));
  for (let i = 0; i < inner.length; i++) {
    if (inner[i] !== '\\') {
      bytes.push(...new TextEncoder().encode(inner[i] ?? ''));
      continue;
    }
    const octal = /^[0-7]{3}/.exec(inner.slice(i + 1))?.[0];
    if (octal === undefined) bytes.push(...new TextEncoder().encode(ESCAPES[inner[++i] ?? ''] ?? ''));
    else {
      bytes.push(Number.parseInt(octal, 8));
      i += 3;
    }
  }
  return new TextDecoder().decode(new Uint8Array(bytes));
}

const stripSide = (name: string): string | null =>
  name === '/dev/null' ? null : unquote(name).replace(/^[ab]\//, '');

/** The name in `diff --git a/x b/x`: both halves are the same name, since renames are not detected. */
function nameInHeader(header: string): string {
  const quoted = /^"a\/.*" ("b\/.*")$/.exec(header)?.[1];
  if (quoted !== undefined) return stripSide(quoted) ?? '';
  return header.slice(2, (header.length - 1) / 2);
}

/**
 * Reads `git diff --binary --full-index` text. Lines are counted by the hunk's own header, so that a removed line that reads
 * `-- a/x` or an added one that reads `++ b/x` is content and never a header.
 */
export function parsePatch(patch: string): PatchFile[] {
  const files: PatchFile[] = [];
  const lines = patch.split('\n');
  let file: PatchFile | undefined;
  for (let i = 0; i < lines.length; i++) {
    const text = lines[i] ?? '';
    if (text.startsWith('diff --git ')) {
      file = { path: nameInHeader(text.slice('diff --git '.length)), binary: false, mode: null, hunks: [] };
      files.push(file);
    } else if (file === undefined) continue;
    else if (text.startsWith('--- ') || text.startsWith('+++ '))
      file.path = stripSide(text.slice(4)) ?? file.path;
    else if (text.startsWith('GIT binary patch') || text.startsWith('Binary files ')) file.binary = true;
    else if (/^(new file|new) mode /.test(text)) file.mode = text.split(' ').at(-1) ?? null;
    else {
      const header = /^@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@/.exec(text);
      if (header === null) continue;
      let [before, after] = [Number(header[1]), Number(header[3])];
      const beforeEnd = before + Number(header[2] ?? 1);
      const afterEnd = after + Number(header[4] ?? 1);
      const hunk: PatchLine[] = [];
      while ((before < beforeEnd || after < afterEnd) && i + 1 < lines.length) {
        const body = lines[++i] ?? '';
        if (body.startsWith('+')) hunk.push({ kind: 'added', line: after++, text: body.slice(1) });
        else if (body.startsWith('-')) hunk.push({ kind: 'removed', line: before++, text: body.slice(1) });
        else if (!body.startsWith('\\')) {
          hunk.push({ kind: 'context', line: after++, text: body.slice(1) });
          before++;
        }
      }
      file.hunks.push(hunk);
    }
  }
  return files;
}
