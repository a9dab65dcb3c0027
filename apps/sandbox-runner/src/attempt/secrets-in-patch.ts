import { secretsIn } from '@millwright/domain';

/**
 * The first line that a patch (`git diff --full-index` text) adds which looks like a secret, as a sentence; null where none does. A patch is
 * stored as it is, so a secret is sent back before that: no gate would let it pass, and what is stored stays.
 */
export function secretInPatch(patch: Uint8Array): string | null {
  let path = '';
  let line = 0;
  for (const text of Buffer.from(patch.buffer, patch.byteOffset, patch.byteLength).toString().split('\n')) {
    const hunk = /^@@ -\d+(?:,\d+)? \+(\d+)/.exec(text);
    if (text.startsWith('diff --git ')) [path, line] = [text.replace(/^.* b\//, ''), 0];
    else if (hunk) line = Number(hunk[1]) - 1;
    else if (line >= 0 && /^[+ ]/.test(text) && !(line === 0 && text.startsWith('+++ '))) {
      line += 1;
      const [found] = text.startsWith('+') ? secretsIn(text, { alone: false }) : [];
      if (found) return `line ${line} of ${path} holds what looks like a secret (${found.kind})`;
    }
  }
  return null;
}
