import type { DiffView } from '@millwright/api';
import type { ChangedPath, ChangeFacts } from '@millwright/domain';
import { parsePatch } from '@millwright/policy';

// A change as a person reads it: file by file, what is dangerous first.

/** Of one file's patch, and of all of them together. Bytes, roughly: characters are counted. */
const FILE_MOST = 48_000;
const ALL_MOST = 400_000;
/** A file with so many changed lines is large: to be read before what is small. */
const LARGE_FILE = 300;

/** Lower comes first. */
const ORDER = {
  irreversible: 0,
  secret: 1,
  unreadable: 1,
  protected: 2,
  sensitive: 3,
  tests: 4,
  manifest: 5,
  large: 6,
  binary: 7,
};
type Why = { order: number; text: string };

/** Each file's part of `git diff` text, by path. A type change is two parts of one file. */
export function patchesOf(patch: string): Map<string, string> {
  const parts = patch.split(/^(?=diff --git )/m).filter((part) => part.startsWith('diff --git '));
  const found = new Map<string, string>();
  for (const part of parts) {
    const [file] = parsePatch(part);
    if (file === undefined) continue;
    const text = file.binary ? '' : part;
    found.set(file.path, (found.get(file.path) ?? '') + text);
  }
  return found;
}

function whyOf(path: ChangedPath, binary: boolean, facts: ChangeFacts): Why[] {
  const at = <T extends { path: string }>(all: readonly T[]) => all.filter((one) => one.path === path.path);
  const lines = path.added + path.removed;
  return [
    ...at(facts.irreversible).map((one) => ({
      order: ORDER.irreversible,
      text: `cannot be taken back: ${one.what ?? one.statement} (line ${one.line})`,
    })),
    ...at(facts.secrets).map((one) => ({
      order: ORDER.secret,
      text: `looks like a secret: ${one.kind} (line ${one.line})`,
    })),
    ...at(facts.unreadable).map((one) => ({ order: ORDER.unreadable, text: `cannot be read: ${one.why}` })),
    ...at(facts.cannotTell).map((one) => ({
      order: ORDER.unreadable,
      text: `could not be searched: ${one.what}`,
    })),
    ...(facts.protectedPaths.includes(path.path) ? [{ order: ORDER.protected, text: 'protected path' }] : []),
    ...(facts.sensitivePaths.includes(path.path)
      ? [{ order: ORDER.sensitive, text: 'sensitive path: authentication, payment or policy' }]
      : []),
    ...facts.testsWeakened
      .filter((text) => text.includes(path.path))
      .map((text) => ({ order: ORDER.tests, text: `weakens tests: ${text}` })),
    ...(facts.manifests.includes(path.path) ? [{ order: ORDER.manifest, text: 'changes dependencies' }] : []),
    ...(lines >= LARGE_FILE ? [{ order: ORDER.large, text: `large: ${lines} lines` }] : []),
    ...(binary ? [{ order: ORDER.binary, text: 'binary: it cannot be read here' }] : []),
  ];
}

/** The files of a change, in the order in which they should be read; patches are bounded, and say so where they are cut. */
export function filesByRisk(
  paths: readonly ChangedPath[],
  patch: string,
  facts: ChangeFacts,
): DiffView['files'] {
  const patches = patchesOf(patch);
  const files = paths
    .map((path) => ({ path, why: whyOf(path, patches.get(path.path) === '', facts) }))
    .sort((a, b) => first(a.why) - first(b.why) || (a.path.path < b.path.path ? -1 : 1));
  let left = ALL_MOST;
  return files.map(({ path, why }) => {
    const whole = patches.get(path.path) ?? '';
    const text = atLines(whole, Math.min(FILE_MOST, left));
    left -= text.length;
    return { ...path, why: why.map((one) => one.text), patch: text, cut: text.length < whole.length };
  });
}

const first = (why: readonly Why[]): number => Math.min(99, ...why.map((one) => one.order));

/** The beginning of a text, `most` characters at most, ending with a whole line. */
const atLines = (text: string, most: number): string =>
  text.length <= most ? text : text.slice(0, text.lastIndexOf('\n', Math.max(0, most)) + 1);
