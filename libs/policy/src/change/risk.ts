import {
  type ChangedPath,
  type ChangeFacts,
  doubtText,
  hiddenIn,
  type RepoConfig,
  type RiskClass,
  type SecretValues,
  secretValues,
  type TestDoubt,
  VERDICT_WORDS,
  type Verdict,
} from '@millwright/domain';
import { stretches } from './difference.ts';
import { removedEndpoints } from './endpoints.ts';
import { removedExports } from './exports.ts';
import { type ChangedFile, isNoFile, makesOdd, type ReadFile, readFile } from './file.ts';
import { matchesAny } from './glob.ts';
import { changedHidden } from './hidden.ts';
import { FOLDER_REMOVED, type Irreversible, newIrreversible } from './irreversible.ts';
import { onlyCommentsDiffer } from './languages/comments-only.ts';
import { groupOf, isDocument, isManifest, isPictureOfDocs, isTest, RAISED, SENSITIVE } from './paths.ts';
import { isAlwaysProtected } from './protected.ts';
import { newSecrets } from './secrets.ts';
import { weakenedTest } from './weakened.ts';

/** Above these a change is too large to be low risk. Lockfiles and documents do not count. */
export const LARGE = { lines: 400, files: 20 } as const;

/** So much of a change is searched, in UTF-16 units around what differs. Of more nobody can say what it holds. */
const MOST_SEARCHED = 2_097_152;

export type RiskInput = {
  /** Every changed path, as extracted. */
  paths: readonly ChangedPath[];
  /** The same paths with the bytes of both their sides. */
  files: readonly ChangedFile[];
  /** Which of the changed documents and tests a source names, so that a program may load them; null where nobody looked. */
  named: ReadonlySet<string> | null;
  /** Secrets that the factory knows. */
  secrets?: SecretValues;
  config: Pick<RepoConfig, 'protected'>;
  authorTrusted: boolean;
  /** What the test report says, or null before there is one. `files`: those that the base's run reported tests of; null where it could not tell. */
  tests: {
    missing: readonly string[];
    baseFailing: readonly string[];
    namesKnown: boolean;
    verdict: Verdict;
    /** What the test stage says that a person should look at. */
    doubts: readonly TestDoubt[];
    files?: readonly string[] | null;
  } | null;
  /** What is in quarantine and has most of itself in this change again, in words. */
  near?: readonly string[];
};

type Reason = ChangeFacts['reasons'][number];
type CannotTell = ChangeFacts['cannotTell'][number];

const unique = (items: readonly string[]): string[] => [...new Set(items)];
const cut = (text: string, max: number): string => (text.length <= max ? text : `${text.slice(0, max - 1)}…`);
const some = (items: readonly string[]): string =>
  cut(
    items.length <= 3 ? items.join(', ') : `${items.slice(0, 3).join(', ')} and ${items.length - 3} more`,
    400,
  );

/** A changed file of which both sides could be searched. */
type Searched = { path: string; before: string; after: string; added: boolean; odd: boolean; file: ReadFile };

/** What a change holds that its words show, and what of it nobody can tell. */
type Scan = {
  searched: Searched[];
  cannotTell: CannotTell[];
  unreadable: ChangeFacts['unreadable'];
};

function scanOf(files: readonly ChangedFile[]): Scan {
  const scan: Scan = { searched: [], cannotTell: [], unreadable: [] };
  let left = MOST_SEARCHED;
  for (const changed of files) {
    const file = readFile(changed);
    const { path, before, after } = file;
    if (after?.kind === 'undecodable')
      scan.unreadable.push({ path, why: 'is no text of UTF-8 or UTF-16, or has NUL in it' });
    if (after?.kind === 'opaque')
      scan.cannotTell.push({ path, what: 'is not text, and of a kind that may hold anything' });
    if (before?.kind === 'unread' || after?.kind === 'unread') {
      scan.cannotTell.push({ path, what: 'was not read: it is too large, or lies in another repository' });
      continue;
    }
    const texts = { before: before?.text ?? '', after: after?.text ?? '' };
    const near = stretches(texts.before, texts.after);
    left -= Math.max(near.before.length, near.after.length);
    if (left < 0) scan.cannotTell.push({ path, what: 'was not searched: the change is too large' });
    else
      scan.searched.push({
        path,
        ...texts,
        added: before === null,
        odd: makesOdd(changed) || isNoFile(changed),
        file,
      });
  }
  return scan;
}

/** Whether a file holds tests. A run says so of what is on the base; of new files their names do. */
function testsOf(input: RiskInput): (path: string) => boolean {
  const files = input.tests?.files;
  if (!files) return isTest;
  const [reported, added] = [
    new Set(files),
    new Set(input.paths.filter(({ status }) => status === 'added').map(({ path }) => path)),
  ];
  return (path) => reported.has(path) || (isTest(path) && (added.has(path) || path.endsWith('.snap')));
}

/**
 * What kind of trivial a path is, or undefined for one that is not: a document or a test, by name and extension, that no source names; or a source
 * whose lexer proves that comments alone differ. What was not read or looked for is not trivial.
 */
function trivialKind(input: RiskInput, one: Searched, isTestFile: (path: string) => boolean) {
  const { path, before, after, file } = one;
  const kinds = [file.before?.kind ?? 'text', file.after?.kind ?? 'text'];
  if (one.odd) return undefined;
  const loaded = input.named === null || input.named.has(path);
  if (file.after?.kind === 'binary' && isPictureOfDocs(path) && !loaded)
    return file.before === null || file.before.kind === 'binary' ? 'docs' : undefined;
  if (kinds.some((kind) => kind !== 'text')) return undefined;
  if (isDocument(path)) return loaded ? undefined : 'docs';
  if (isTestFile(path)) return loaded ? undefined : 'tests';
  const both = file.before !== null && file.after !== null;
  return both && onlyCommentsDiffer(path, before, after) ? 'comments' : undefined;
}

/** Nothing runs a document that no source names: what it says of `DROP TABLE` is no act. */
const isRead = (input: RiskInput, path: string): boolean =>
  isDocument(path) && input.named !== null && !input.named.has(path);

/** A test that makes a folder of its own and removes it: it runs in a sandbox, and no source loads it. */
const cleansUp = (input: RiskInput, { path, after }: Searched): boolean =>
  isTest(path) && input.named !== null && !input.named.has(path) && /\bmk_?dtemp/i.test(after);

function irreversibleIn(input: RiskInput, searched: readonly Searched[]): Irreversible[] {
  const run = searched.filter(({ path }) => !isRead(input, path));
  return [
    ...run.flatMap((one) =>
      newIrreversible(one.path, one.before, one.after).filter(
        ({ statement }) => statement !== FOLDER_REMOVED || !cleansUp(input, one),
      ),
    ),
    ...removedEndpoints(run),
  ];
}

function raisedReasons(
  input: RiskInput,
  { searched, unreadable, cannotTell }: Scan,
  facts: Omit<ChangeFacts, 'risk' | 'reasons'>,
): Reason[] {
  const reasons: Reason[] = [];
  const raise = (code: string, items: readonly string[], say: (list: string) => string) => {
    if (items.length > 0) reasons.push({ code, text: cut(say(some(items)), 500) });
  };
  const all = unique([...input.paths.map((p) => p.path), ...input.files.map((f) => f.path)]);
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
    'unreadable',
    unreadable.map(({ path, why }) => `${path} ${why}`),
    (list) => `cannot be read as text: ${list}`,
  );
  raise(
    'cannot-tell',
    cannotTell.map(({ path, what }) => `${path} ${what}`),
    (list) => `cannot be searched: ${list}`,
  );
  raise(
    'hidden',
    [
      ...all.flatMap((path) => [...hiddenIn(path)].slice(0, 1).map(({ name }) => `${name} in a file's name`)),
      ...searched
        .filter(({ file }) => file.after?.kind !== 'binary' && file.before?.kind !== 'binary')
        .flatMap(({ path, before, after }) =>
          changedHidden(before, after).map(({ line, name }) => `${name} at ${path}:${line}`),
        ),
    ],
    (list) => `has characters that nobody sees: ${list}`,
  );
  raise(
    'encoding',
    searched.filter(({ file }) => file.after?.kind === 'utf16').map(({ path }) => path),
    (list) => `has text of UTF-16: ${list}`,
  );
  raise(
    'binary',
    searched
      .filter(
        ({ path, file }) =>
          [file.before, file.after].some((side) => side?.kind === 'binary' || side?.kind === 'opaque') &&
          !isPictureOfDocs(path),
      )
      .map(({ path }) => path),
    (list) => `changes binary files, which cannot be read: ${list}`,
  );
  raise(
    'mode',
    input.files.filter(makesOdd).map(({ path }) => path),
    (list) => `makes executables or links: ${list}`,
  );
  raise(
    'exports',
    removedExports(searched.filter(({ path }) => !isTest(path))),
    (list) => `removes exported names: ${list}`,
  );
  raise('near-rolled-back', input.near ?? [], (list) => `has most of what was rolled back: ${list}`);
  // Files and list are two witnesses of one change: where they differ, neither is believed.
  const known = new Set(input.paths.map((p) => p.path));
  const there = new Set(input.files.map(({ path }) => path));
  raise(
    'unlisted',
    all.filter((path) => !known.has(path)),
    (list) => `has files that the list of paths lacks: ${list}`,
  );
  raise(
    'unread',
    all.filter((path) => !there.has(path)),
    (list) => `has paths whose files are not there: ${list}`,
  );
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
    const others = more.length > 0 ? `; and ${more.length} more` : '';
    return [{ code, text: cut(`${doubtText(first)}${others}`, 500) }];
  });
}

/** What a change does that cannot be taken back, 100 at most; what could not be searched counts as such. */
export function irreversibleOf(
  files: readonly ChangedFile[],
  named: ReadonlySet<string> | null,
): ChangeFacts['irreversible'] {
  const { searched, cannotTell, unreadable } = scanOf(files);
  const input = { paths: [], files, named, config: { protected: [] }, authorTrusted: true, tests: null };
  return [
    ...irreversibleIn(input, searched),
    ...[...cannotTell, ...unreadable].map(({ path }) => ({
      path,
      line: 0,
      statement: 'a file that cannot be searched',
    })),
  ].slice(0, 100);
}

const secretsOf = (searched: readonly Searched[], known: SecretValues) =>
  searched.flatMap(({ path, before, after, added }) => newSecrets(path, before, after, added, known));

/** The secrets that a change brings in, in words that hold none of them; by their value, those that are known. */
export function secretsBrought(files: readonly ChangedFile[], known: SecretValues): string[] {
  const found = secretsOf(scanOf(files).searched, known);
  const named = new Set(found.filter(({ line }) => line === 0).map(({ path }) => path));
  return found.map(({ path, line, kind }) =>
    line === 0
      ? `the name of a file holds ${kind}`
      : `${named.has(path) ? 'that file' : path}, line ${line}, holds ${kind}`,
  );
}

/** No fact carries a file's name that holds a secret: facts are kept. */
function withoutSecretNames<F>(facts: F, found: readonly { path: string; line: number }[]): F {
  const names = unique(found.filter(({ line }) => line === 0).map(({ path }) => path));
  if (names.length === 0) return facts;
  const hide = (value: unknown): unknown => {
    if (typeof value === 'string')
      return names.reduce((text, name) => text.replaceAll(name, '[a name that holds a secret]'), value);
    if (Array.isArray(value)) return value.map(hide);
    if (value === null || typeof value !== 'object') return value;
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, hide(inner)]));
  };
  return hide(facts) as F;
}

/** Paths that go, by either witness of the change. */
const deletedBy = ({ paths, files }: RiskInput): string[] =>
  unique([
    ...paths.filter(({ status }) => status === 'deleted').map(({ path }) => path),
    ...files.filter(({ before, after }) => before !== null && after === null).map(({ path }) => path),
  ]);

/**
 * Risk of a change from its paths, the bytes of both sides, configuration and test report: computed, never asked of a model. `trivial` is
 * documents, comments and tests only, and nothing that raises; `raised` has at least one reason that raises; the rest is `low`. More to find never
 * makes the class lower, and what cannot be told raises.
 */
export function risk(input: RiskInput): ChangeFacts {
  const scan = scanOf(input.files);
  const known = input.secrets ?? secretValues([]);
  const all = unique([...input.paths.map((p) => p.path), ...input.files.map((f) => f.path)]);
  const isTestFile = testsOf(input);
  const texts = new Map(scan.searched.map((one) => [one.path, one]));
  const weak = [
    ...input.paths
      .filter(({ path }) => isTestFile(path) || isTest(path))
      .flatMap((path) =>
        weakenedTest(path, texts.get(path.path)?.before ?? '', texts.get(path.path)?.after ?? ''),
      ),
    ...(input.tests?.missing ?? []).map((name) => `a test no longer reports: ${name}`),
    ...(input.tests?.baseFailing ?? []).map((name) => `fails as the base has it: ${name}`),
  ];
  const secrets = secretsOf(scan.searched, known);
  const facts = {
    size: {
      files: input.paths.length,
      filesDeleted: deletedBy(input).length,
      added: input.paths.reduce((sum, p) => sum + p.added, 0),
      removed: input.paths.reduce((sum, p) => sum + p.removed, 0),
    },
    protectedPaths: all
      .filter((path) => isAlwaysProtected(path) || matchesAny(path, input.config.protected))
      .slice(0, 200),
    sensitivePaths: all.filter((path) => groupOf(path, SENSITIVE) !== undefined).slice(0, 200),
    manifests: all.filter(isManifest).slice(0, 200),
    testsWeakened: weak.map((text) => cut(text, 500)).slice(0, 100),
    irreversible: irreversibleIn(input, scan.searched).slice(0, 100),
    secrets: secrets.slice(0, 100),
    unreadable: scan.unreadable.slice(0, 100),
    cannotTell: scan.cannotTell.slice(0, 100),
  };
  const reasons = [...raisedReasons(input, scan, facts), ...sizeReason(input)];
  const kinds = input.paths.map(({ path, status }) => {
    const one = texts.get(path);
    return one === undefined || status === 'type_changed' ? undefined : trivialKind(input, one, isTestFile);
  });
  // Documents alone cannot break what a test would show; anything else needs tests whose names can be followed.
  if (input.tests?.namesKnown === false && kinds.some((kind) => kind !== 'docs'))
    reasons.push({
      code: 'names-unknown',
      text: 'was tested by a runner whose tests cannot be followed by name',
    });
  if (input.tests !== null && input.tests.verdict !== 'passed' && kinds.some((kind) => kind !== 'docs'))
    reasons.push({
      code: 'untested',
      text: `has "${VERDICT_WORDS[input.tests.verdict]}" as its tests' verdict`,
    });
  reasons.push(...doubtReasons(input.tests?.doubts ?? []));
  if (reasons.length > 0)
    return withoutSecretNames({ risk: 'raised', reasons: reasons.slice(0, 64), ...facts }, secrets);
  const trivial = kinds.length > 0 && kinds.every((kind) => kind !== undefined);
  const risk: RiskClass = trivial ? 'trivial' : 'low';
  return { risk, reasons: trivial ? [] : [{ code: 'code', text: 'changes code' }], ...facts };
}
