import {
  ALWAYS_PROTECTED,
  type ChangedPath,
  type ChangeFacts,
  type RepoConfig,
  type RiskClass,
  type TestDoubt,
  VERDICT_WORDS,
  type Verdict,
} from '@millwright/domain';
import { matchesAny } from './glob.ts';
import { findIrreversible } from './irreversible.ts';
import { linesOf, type PatchFile, parsePatch } from './patch.ts';
import { groupOf, isDocument, isManifest, isTest, RAISED, SENSITIVE } from './paths.ts';
import { findSecrets } from './secrets.ts';
import { trivialKind } from './trivial.ts';
import { weakenedTests } from './weakened.ts';

/** Above these a change is too large to be low risk. Lockfiles and documents do not count. */
export const LARGE = { lines: 400, files: 20 } as const;

export type RiskInput = {
  /** Every changed path, as extracted. */
  paths: readonly ChangedPath[];
  /** `git diff --binary --full-index` of the same change, as text. */
  patch: string;
  config: Pick<RepoConfig, 'protected'>;
  authorTrusted: boolean;
  /** What the test report says, or null before there is one. */
  tests: {
    missing: readonly string[];
    baseFailing: readonly string[];
    namesKnown: boolean;
    verdict: Verdict;
    /** What the test stage says that a person should look at. */
    doubts: readonly TestDoubt[];
  } | null;
  /** What is in quarantine and has most of itself in this change again, in words. */
  near?: readonly string[];
};

type Reason = ChangeFacts['reasons'][number];

const unique = (items: readonly string[]): string[] => [...new Set(items)];
const cut = (text: string, max: number): string => (text.length <= max ? text : `${text.slice(0, max - 1)}…`);
const some = (items: readonly string[]): string =>
  cut(
    items.length <= 3 ? items.join(', ') : `${items.slice(0, 3).join(', ')} and ${items.length - 3} more`,
    400,
  );

/** An exported name that is gone, of files that are not tests: others may import it. */
function lostExports(files: readonly PatchFile[]): string[] {
  const exported =
    /^export\s+(?:default\s+)?(?:async\s+)?(?:function\*?|class|const|let|type|interface)\s+(\w+)/;
  const names = (file: PatchFile, kind: 'added' | 'removed') =>
    linesOf(file, kind).flatMap((line) => exported.exec(line.text)?.[1] ?? []);
  const kept = new Set(files.flatMap((file) => names(file, 'added')));
  return files
    .filter((file) => !isTest(file.path))
    .flatMap((file) => names(file, 'removed').filter((name) => !kept.has(name)));
}

function raisedReasons(
  input: RiskInput,
  files: readonly PatchFile[],
  facts: Omit<ChangeFacts, 'risk' | 'reasons'>,
): Reason[] {
  const reasons: Reason[] = [];
  const raise = (code: string, items: readonly string[], say: (list: string) => string) => {
    if (items.length > 0) reasons.push({ code, text: cut(say(some(items)), 500) });
  };
  const all = unique([...input.paths.map((p) => p.path), ...files.map((f) => f.path)]);
  const known = new Set(input.paths.map((p) => p.path));
  raise('protected', facts.protectedPaths, (list) => `touches protected paths: ${list}`);
  for (const [group, patterns] of Object.entries(SENSITIVE))
    raise(
      `sensitive-${group}`,
      all.filter((path) => matchesAny(path, patterns)),
      (list) => `touches ${group}: ${list}`,
    );
  for (const [group, patterns] of Object.entries(RAISED))
    raise(
      group.replaceAll(' ', '-'),
      all.filter((path) => matchesAny(path, patterns)),
      (list) => `touches ${group}: ${list}`,
    );
  raise('manifests', facts.manifests, (list) => `changes dependency manifests: ${list}`);
  raise('tests-weakened', facts.testsWeakened, (list) => `weakens tests: ${list}`);
  raise(
    'irreversible',
    facts.irreversible.map((f) => `${f.statement} at ${f.path}:${f.line}`),
    (list) => `cannot be taken back: ${list}`,
  );
  raise(
    'secrets',
    facts.secrets.map((f) => `${f.kind} at ${f.path}:${f.line}`),
    (list) => `holds what looks like a secret: ${list}`,
  );
  raise(
    'binary',
    files.filter((f) => f.binary && !isDocument(f.path)).map((f) => f.path),
    (list) => `changes binary files, which cannot be read: ${list}`,
  );
  raise(
    'mode',
    files.filter((f) => f.mode !== null && f.mode !== '100644').map((f) => f.path),
    (list) => `makes executables or links: ${list}`,
  );
  raise('exports', lostExports(files), (list) => `removes exported names: ${list}`);
  raise('near-rolled-back', input.near ?? [], (list) => `has most of what was rolled back: ${list}`);
  // Patch and list are two witnesses of one change: where they differ, neither is believed.
  raise(
    'unlisted',
    files.map((f) => f.path).filter((path) => !known.has(path)),
    (list) => `has paths in the patch that the list lacks: ${list}`,
  );
  const unread = input.paths.filter((p) => !files.some((f) => f.path === p.path)).map((p) => p.path);
  raise('unread', unread, (list) => `has paths whose patch is not there: ${list}`);
  if (!input.authorTrusted)
    reasons.push({ code: 'author', text: 'was asked for by somebody who is not trusted' });
  return reasons;
}

function sizeReason(input: RiskInput): Reason[] {
  const counted = input.paths.filter((p) => !isDocument(p.path) && !isManifest(p.path));
  const lines = counted.reduce((sum, p) => sum + p.added + p.removed, 0);
  if (lines <= LARGE.lines && counted.length <= LARGE.files) return [];
  return [{ code: 'size', text: `is large: ${lines} lines in ${counted.length} files` }];
}

/** Doubts of one code are one reason, with the first of them in full. */
function doubtReasons(doubts: readonly TestDoubt[]): Reason[] {
  const codes = unique(doubts.map(({ code }) => code));
  return codes.flatMap((code) => {
    const [first, ...more] = doubts.filter((doubt) => doubt.code === code);
    if (first === undefined) return [];
    const at =
      first.path === undefined ? '' : ` (${first.path}${first.line === undefined ? '' : `:${first.line}`})`;
    return [
      { code, text: cut(`${first.text}${at}${more.length > 0 ? `; and ${more.length} more` : ''}`, 500) },
    ];
  });
}

/** What a patch does that cannot be taken back, 100 at most; `git diff --binary --full-index` as text. */
export const irreversibleOf = (patch: string): ChangeFacts['irreversible'] =>
  findIrreversible(parsePatch(patch), isDocument).slice(0, 100);

/**
 * Risk of a change from its paths, patch, configuration and test report: computed, never asked of a model. `trivial` is documents,
 * whole-line comments and tests only, and nothing that raises; `raised` has at least one reason that raises; the rest is `low`.
 * More to find never makes the class lower.
 */
export function risk(input: RiskInput): ChangeFacts {
  const files = parsePatch(input.patch);
  const all = unique([...input.paths.map((p) => p.path), ...files.map((f) => f.path)]);
  const weak = [
    ...weakenedTests(input.paths, files),
    ...(input.tests?.missing ?? []).map((name) => `a test no longer reports: ${name}`),
    ...(input.tests?.baseFailing ?? []).map((name) => `fails as the base has it: ${name}`),
  ];
  const facts = {
    size: {
      files: input.paths.length,
      added: input.paths.reduce((sum, p) => sum + p.added, 0),
      removed: input.paths.reduce((sum, p) => sum + p.removed, 0),
    },
    protectedPaths: all
      .filter((path) => matchesAny(path, [...ALWAYS_PROTECTED, ...input.config.protected]))
      .slice(0, 200),
    sensitivePaths: all.filter((path) => groupOf(path, SENSITIVE) !== undefined).slice(0, 200),
    manifests: all.filter(isManifest).slice(0, 200),
    testsWeakened: weak.map((text) => cut(text, 500)).slice(0, 100),
    irreversible: findIrreversible(files, isDocument).slice(0, 100),
    secrets: findSecrets(files).slice(0, 100),
  };
  const kinds = input.paths.map((path) =>
    trivialKind(
      path,
      files.find((f) => f.path === path.path),
    ),
  );
  const reasons = [...raisedReasons(input, files, facts), ...sizeReason(input)];
  // Documents alone cannot break what a test would show; anything else needs tests whose names can be followed.
  if (input.tests?.namesKnown === false && kinds.some((kind) => kind !== 'docs'))
    reasons.push({
      code: 'names-unknown',
      text: 'was tested by a runner whose tests cannot be followed by name',
    });
  if (input.tests !== null && input.tests.verdict !== 'passed' && kinds.some((kind) => kind !== 'docs'))
    reasons.push({ code: 'untested', text: `its tests' verdict is "${VERDICT_WORDS[input.tests.verdict]}"` });
  reasons.push(...doubtReasons(input.tests?.doubts ?? []));
  if (reasons.length > 0) return { risk: 'raised', reasons: reasons.slice(0, 64), ...facts };
  const trivial = kinds.length > 0 && kinds.every((kind) => kind !== undefined);
  const risk: RiskClass = trivial ? 'trivial' : 'low';
  return { risk, reasons: trivial ? [] : [{ code: 'code', text: 'changes code' }], ...facts };
}
