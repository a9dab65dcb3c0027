import { linesOf, type PatchFile } from './patch.ts';

export type FoundSecret = { path: string; line: number; kind: string };

const FORMATS: readonly { kind: string; pattern: RegExp }[] = [
  { kind: 'private key', pattern: /-----BEGIN ([A-Z0-9]+ )*PRIVATE KEY( BLOCK)?-----/ },
  { kind: 'AWS access key', pattern: /\b(AKIA|ASIA)[0-9A-Z]{16}\b/ },
  { kind: 'GitHub token', pattern: /\b(gh[opsur]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{50,})\b/ },
  { kind: 'GitLab token', pattern: /\bglpat-[A-Za-z0-9_-]{20,}/ },
  { kind: 'Slack token', pattern: /\bxox[abeoprs]-[A-Za-z0-9-]{10,}/ },
  { kind: 'Stripe key', pattern: /\b[sr]k_live_[A-Za-z0-9]{16,}/ },
  { kind: 'model provider key', pattern: /\bsk-(ant-|proj-)?[A-Za-z0-9_-]{32,}/ },
  { kind: 'Google API key', pattern: /\bAIza[0-9A-Za-z_-]{35}/ },
  { kind: 'npm token', pattern: /\bnpm_[A-Za-z0-9]{36}\b|_authToken\s*=\s*[A-Za-z0-9-]{16,}/ },
  { kind: 'signed token', pattern: /\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}/ },
];

const ASSIGNED =
  /(secret|token|passw(?:or)?d|passphrase|api[_-]?key|private[_-]?key|credential)\w*["']?\s*[:=]\s*["'`]?([A-Za-z0-9+/=_-]{20,})/gi;
const IN_URL = /\b[a-z][a-z0-9+]*:\/\/[^\s:/@"'`]+:([^\s:/@"'`$<{]{8,})@/gi;
const PLACEHOLDER = /example|placeholder|change-?me|dummy|your[_-]|xxxx|process\.env|not-?a-?secret/i;
const LOCKFILE =
  /(^|\/)(package-lock\.json|npm-shrinkwrap\.json|yarn\.lock|pnpm-lock\.yaml|[\w.-]+\.lock|go\.sum)$/;

/** Shannon entropy in bits a character. */
export function entropy(text: string): number {
  const counts = new Map<string, number>();
  for (const c of text) counts.set(c, (counts.get(c) ?? 0) + 1);
  return [...counts.values()].reduce((sum, n) => sum - (n / text.length) * Math.log2(n / text.length), 0);
}

/** Random base64 of 20 characters and more measures 3.7–4.6 bits; English identifiers stay under 3.6 or hold no digit. */
const looksRandom = (value: string): boolean =>
  entropy(value) >= 3.6 && /\d/.test(value) && /[A-Za-z]/.test(value);

function kindOn(text: string): string | undefined {
  const known = FORMATS.find(({ pattern }) => {
    const found = pattern.exec(text)?.[0];
    return found !== undefined && !PLACEHOLDER.test(found);
  });
  if (known !== undefined) return known.kind;
  for (const found of text.matchAll(ASSIGNED)) {
    const value = found[2] ?? '';
    if (!PLACEHOLDER.test(value) && looksRandom(value)) return 'high-entropy value of a secret’s name';
  }
  for (const found of text.matchAll(IN_URL)) {
    const value = found[1] ?? '';
    if (!PLACEHOLDER.test(value) && looksRandom(value)) return 'password in an address';
  }
  return undefined;
}

/** Known formats anywhere; random-looking values only where their name says secret. Lockfiles are left out: hashes are what they hold. */
export function findSecrets(files: readonly PatchFile[]): FoundSecret[] {
  return files
    .filter((file) => !LOCKFILE.test(file.path))
    .flatMap((file) =>
      linesOf(file, 'added').flatMap(({ line, text }) => {
        const kind = kindOn(text.slice(0, 20_000));
        return kind === undefined ? [] : [{ path: file.path, line, kind }];
      }),
    );
}
