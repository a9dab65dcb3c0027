import { type SecretFinder, secretsIn } from '@millwright/domain';

/** What a patch adds to a file: its lines, and their numbers. `named`: its name is new too. */
type Added = { path: string; named: boolean; lines: string[]; numbers: number[] };

/**
 * The first secret that a patch (`git diff --full-index` text) adds, by format or by value, as a sentence; null where there is none. A patch is
 * stored as it is, so a secret is sent back before that: no gate would let it pass, and what is stored stays. What is binary is
 * packed in a patch: secrets-in-binaries.ts.
 */
export function secretInPatch(patch: Uint8Array, known: SecretFinder): string | null {
  for (const { path, named, lines, numbers } of addedIn(patch)) {
    const [inName] = named ? known.find(path) : [];
    if (inName) return `the name of a file holds the value of secret ${inName.name}`;
    const at = (line: number, what: string) => `line ${numbers[line]} of ${path} holds ${what}`;
    const text = lines.join('\n');
    const [value] = known.find(text);
    if (value)
      return at(text.slice(0, value.start).split('\n').length - 1, `the value of secret ${value.name}`);
    for (const [i, line] of lines.entries()) {
      const [found] = secretsIn(line, { alone: false });
      if (found) return at(i, `what looks like a secret (${found.kind})`);
    }
  }
  return null;
}

/** The same of a change's message. By value alone: what a format finds there is masked. */
export function secretInMessage(message: string, known: SecretFinder): string | null {
  const [found] = known.find(message);
  return found === undefined ? null : `its message holds the value of secret ${found.name}`;
}

function addedIn(patch: Uint8Array): Added[] {
  const files: Added[] = [];
  let line = 0;
  for (const text of Buffer.from(patch.buffer, patch.byteOffset, patch.byteLength).toString().split('\n')) {
    const hunk = /^@@ -\d+(?:,\d+)? \+(\d+)/.exec(text);
    if (text.startsWith('diff --git ')) {
      files.push({ path: text.replace(/^.* b\//, ''), named: false, lines: [], numbers: [] });
      line = 0;
    }
    const file = files.at(-1);
    if (file === undefined) continue;
    if (hunk) line = Number(hunk[1]) - 1;
    else if (line === 0 && /^(?:new file mode|rename to|copy to) /.test(text)) file.named = true;
    else if (line >= 0 && /^[+ ]/.test(text) && !(line === 0 && text.startsWith('+++ '))) {
      line += 1;
      if (!text.startsWith('+')) continue;
      file.lines.push(text.slice(1));
      file.numbers.push(line);
    }
  }
  return files;
}
