import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type Artifacts,
  type ChangedPath,
  type CommitAndTree,
  DriveError,
  GitSha,
  PatchId,
  plainText,
  retryable,
  terminal,
} from '@millwright/domain';
import type { ChangedFile } from '@millwright/policy';
import { changedFiles, filesHolding } from './changed-files.ts';
import { credentialEnvironment } from './credential.ts';
import { type Elsewhere, elsewhere } from './elsewhere.ts';
import { Git, type GitResult, gitFailed } from './git.ts';
import { complaint, remarks } from './git-messages.ts';
import { identity } from './identity.ts';
import { localRemote, servedBy } from './local-remote.ts';
import { Memo } from './memo.ts';
import { Made } from './own-commits.ts';
import { HISTORY, type Source, Sources } from './sources.ts';
import { mayBeUnited, unite } from './union.ts';

/** What conflict markers call the two sides. */
export type Sides = { ours: string; theirs: string };
const SIDES: Sides = { ours: 'the base', theirs: 'the change' };

/** What git answers the remote when it is asked for a password; null where nothing was set. */
export type Token = () => Promise<string | null>;
export type Merged =
  | { kind: 'merged'; commit: GitSha; tree: GitSha }
  | { kind: 'conflict'; tree: GitSha; paths: string[]; message: string };
export type Pushed =
  | { kind: 'pushed' }
  | { kind: 'moved'; reason: string }
  | { kind: 'refused'; reason: string };
/** The push ended without a word of the remote's on the branch: it may have it all the same. */
type Unsaid = { kind: 'unsaid'; reason: string };
export type Fetched =
  | CommitAndTree
  | { kind: 'failed'; code: 'unreachable' | 'no-branch' | 'not-git' | 'empty'; reason: string };

/** `odd`: something has that name which is not read as text, with what it is; whoever obeys such a file may not take it for none. */
export type FoundFile = { kind: 'file'; text: string } | { kind: 'none' } | { kind: 'odd'; reason: string };
/** What git calls entries of a tree that are no files. */
const ODD: Readonly<Record<string, string>> = {
  '040000': 'a folder',
  '120000': 'a link',
  '160000': 'a submodule',
};

/** Larger results are made anew each time instead of held: bytes, and paths. */
const HELD_DIFF = 1_048_576;
const HELD_PATHS = 2_000;

/** What git says of a patch that is at fault itself, and where its own objects are. */
const DOES_NOT_APPLY =
  /patch does not apply|patch failed|does not exist in index|already exists in index|does not match index|invalid path|No valid patches|corrupt patch|unrecognized input|lacks filename|malformed patch|wrong type/;
const UNREADABLE = /failed to read|unable to read|unable to find|cannot read/;
/** What servers say to whoever may not push at all: HTTP, ssh of the forges, git daemon. */
const NOT_ALLOWED =
  /error: 40[13]\b|[Aa]uthentication failed|could not read (?:Username|Password)|[Pp]ermission\b.* denied|[Aa]ccess denied|not allowed|read[- ]only|not exported|service not enabled|not permitted/;
const bytesOf = (files: readonly ChangedFile[]): number =>
  files.reduce(
    (sum, { before, after }) => sum + (before?.bytes?.length ?? 0) + (after?.bytes?.length ?? 0),
    0,
  );

/** A push that came to nothing: for good where the remote says that we may not; else it is tried again. Throws retryably. */
function denied({ reason }: Unsaid): Pushed {
  if (NOT_ALLOWED.test(reason)) return { kind: 'refused', reason };
  throw retryable('remote', `the push had no answer: ${reason}`);
}

/** How a patch is made everywhere, so that patch-ids can be compared. */
export const DIFF = ['--full-index', '--binary', '--no-renames', '--no-ext-diff', '--no-textconv'];

/** The factory's own bare copy of one repository. Holds run branches as loose commits; nothing is ever checked out on the host. */
export class Repository {
  readonly git: Git;
  readonly url: string;
  readonly branch: string;
  readonly #token: Token;
  readonly #files = new Memo<FoundFile>(32);
  readonly #diffs = new Memo<Buffer>(16, (diff) => diff.length <= HELD_DIFF);
  readonly #changed = new Memo<ChangedPath[]>(32, (paths) => paths.length <= HELD_PATHS);
  readonly #changedFiles = new Memo<ChangedFile[]>(8, (files) => bytesOf(files) <= HELD_DIFF);
  readonly #holding = new Memo<string[]>(32);
  readonly #elsewhere = new Memo<Elsewhere>(8);
  readonly #sources: Sources;
  readonly #patchIds = new Memo<PatchId>(64);
  readonly #applied = new Memo<GitSha | null>(8);
  readonly #commits = new Memo<CommitAndTree>(256);
  readonly #made = new Made();
  /** Where the branch was when it was last fetched or pushed to; its objects are here. */
  #fetched: CommitAndTree | null = null;
  #fetchedAt = Number.NEGATIVE_INFINITY;
  #fetching: Promise<unknown> = Promise.resolve();
  #fetchNext: Promise<Fetched> | null = null;

  constructor(git: Git, url: string, branch: string, token: Token) {
    this.git = git;
    this.url = url;
    this.branch = branch;
    this.#token = token;
    this.#sources = new Sources(git, (commit) => this.at(commit));
  }

  /** Creates the bare copy where it does not exist yet. Idempotent. */
  static async open(
    folder: string,
    name: string,
    url: string,
    branch: string,
    token: Token = async () => null,
  ): Promise<Repository> {
    const dir = join(folder, `${name}.git`);
    await mkdir(folder, { recursive: true });
    const git = new Git(dir);
    await git.must(['init', '--quiet', '--bare', dir]);
    return new Repository(git, url, branch, token);
  }

  /** Another copy of the same remote, with another branch, in a folder of the caller's. */
  apart(folder: string, branch: string): Promise<Repository> {
    return Repository.open(folder, 'apart', this.url, branch, this.#token);
  }

  /** git, speaking to the remote. A local one is served as its owner; one that may not be is a failure of the remote. */
  async #remote([command = '', ...args]: string[], timeoutMs: number): Promise<GitResult> {
    const local = await localRemote(this.url);
    if (local.kind === 'refused')
      return { exitCode: 128, stdout: Buffer.alloc(0), stderr: `fatal: ${local.reason}` };
    const program = command === 'push' ? 'receive-pack' : 'upload-pack';
    const served = servedBy(local, program);
    // The folder itself, so that it is the one whose owner was asked.
    const at = 'path' in local ? args.map((arg) => (arg === this.url ? local.path : arg)) : args;
    // One that does not answer in time is away.
    const silent = (error: unknown): GitResult => {
      if (!(error instanceof DriveError) || error.code !== 'git-timeout') throw error;
      return { exitCode: 128, stdout: Buffer.alloc(0), stderr: `fatal: ${error.message}` };
    };
    const run = this.git.run([command, ...(served === null ? [] : [`--${program}=${served}`]), ...at], {
      timeoutMs,
      env: credentialEnvironment(this.url, await this.#token()),
    });
    return run.catch(silent);
  }

  /**
   * Fetches the branch, unless its tip lies here, and says where it stands, or stood at most `sinceMs` ago. Failures a person can mend are values.
   */
  async fetch(sinceMs = 0): Promise<Fetched> {
    if (this.#fetched !== null && performance.now() - this.#fetchedAt < sinceMs) return this.#fetched;
    // One at a time: of two that move the ref, one fails. Whoever comes meanwhile shares the one that begins next.
    this.#fetchNext ??= this.#fetching
      .catch(() => undefined) // whoever asked for that one hears of it
      .then(() => {
        this.#fetchNext = null;
        const now = this.#fetchNow();
        this.#fetching = now;
        return now;
      });
    return this.#fetchNext;
  }

  async #fetchNow(): Promise<Fetched> {
    const asked = performance.now();
    const fetched = await this.#tip();
    if (!('kind' in fetched)) [this.#fetched, this.#fetchedAt] = [fetched, asked];
    return fetched;
  }

  async #tip(): Promise<Fetched> {
    const listed = await this.#remote(['ls-remote', '--', this.url], 60_000);
    if (listed.exitCode !== 0)
      return {
        kind: 'failed',
        code: /does not appear to be a git repository|not a git repository/.test(listed.stderr)
          ? 'not-git'
          : 'unreachable',
        reason: complaint(listed.stderr),
      };
    const lines = listed.stdout.toString('utf8').trim();
    if (lines === '') return { kind: 'failed', code: 'empty', reason: 'it has no commit yet' };
    const wanted = `refs/heads/${this.branch}`;
    const tips = new Map(lines.split('\n').map((line) => [line.split('\t')[1] ?? '', line.split('\t')[0]]));
    const tip = tips.get(wanted);
    if (tip === undefined) {
      const heads = [...tips.keys()].filter((ref) => ref.startsWith('refs/heads/'));
      const some = heads.slice(0, 10).map((ref) => ref.slice(11));
      return {
        kind: 'failed',
        code: 'no-branch',
        reason: `it has no branch ${this.branch}; it has ${some.join(', ') || 'none'}`,
      };
    }
    if (this.#fetched?.commit === tip) return this.#fetched;
    // What we pushed lies here.
    const made = this.#made.at(GitSha.parse(tip));
    if (made !== null) return made;
    const fetched = await this.#remote(
      [
        'fetch',
        '--quiet',
        '--no-tags',
        '--no-recurse-submodules',
        '--',
        this.url,
        `+${wanted}:refs/remotes/origin/${this.branch}`,
      ],
      300_000,
    );
    if (fetched.exitCode !== 0)
      return { kind: 'failed', code: 'unreachable', reason: complaint(fetched.stderr) };
    return this.at(`refs/remotes/origin/${this.branch}`);
  }

  /** A commit by any name, with its tree. What a commit's id names is asked once. */
  at(ref: string): Promise<CommitAndTree> {
    const look = async () => {
      const [commit, tree] = (await this.git.text(['rev-parse', `${ref}^{commit}`, `${ref}^{tree}`])).split(
        '\n',
      );
      return { commit: GitSha.parse(commit), tree: GitSha.parse(tree) };
    };
    return /^[0-9a-f]{40}\^?$/.test(ref) ? this.#commits.of([ref], look) : look();
  }

  /** What a tree has at that path. A tree that cannot be read throws: it is not one without the file. */
  file(tree: GitSha, path: string, maxBytes: number): Promise<FoundFile> {
    return this.#files.of([tree, path, String(maxBytes)], async () => {
      const env = { GIT_LITERAL_PATHSPECS: '1' };
      const listed = await this.git.text(['ls-tree', '-l', '--full-tree', tree, '--', path], { env });
      const [mode = '', , blob = '', size] = listed.split(/\s+/, 4);
      if (mode === '') return { kind: 'none' };
      const odd = ODD[mode];
      if (odd !== undefined) return { kind: 'odd', reason: `${path} is ${odd}, and no file` };
      if (Number(size) > maxBytes) return { kind: 'odd', reason: `${path} is over ${maxBytes} bytes` };
      return { kind: 'file', text: (await this.git.must(['cat-file', 'blob', blob])).toString('utf8') };
    });
  }

  /** The names at the top of a tree. */
  async rootFiles(tree: GitSha): Promise<string[]> {
    return (await this.git.must(['ls-tree', '-z', '--name-only', tree]))
      .toString('utf8')
      .split('\0')
      .filter(Boolean);
  }

  /** All paths of a tree. */
  async paths(tree: GitSha): Promise<string[]> {
    return (await this.git.must(['ls-tree', '-r', '-z', '--name-only', tree]))
      .toString('utf8')
      .split('\0')
      .filter(Boolean);
  }

  /** How many files the tree of a commit has, and about how many bytes its stages get: its objects as they are packed here. */
  async measure({ commit, tree }: CommitAndTree): Promise<{ files: number; bytes: number }> {
    const usage = ['rev-list', '--disk-usage', '--objects', '--first-parent', `-${HISTORY}`, commit];
    const [files, bytes] = await Promise.all([this.paths(tree), this.git.text(usage)]);
    return { files: files.length, bytes: Number(bytes) };
  }

  /** What an attempt on these trees is given, as artifacts; `base` is the commit that its run began on. */
  source(trees: readonly GitSha[], base: GitSha, kept: Pick<Artifacts, 'put' | 'has'>): Promise<Source> {
    return this.#sources.of(trees, base, kept);
  }

  async commit(tree: GitSha, parent: GitSha, message: string, atMs: number): Promise<GitSha> {
    const commit = GitSha.parse(
      await this.git.text(['commit-tree', tree, '-p', parent, '-F', '-'], {
        // Whoever wrote it: nothing hidden goes into a message, which terminals and forges show.
        input: Buffer.from(plainText(message)),
        env: identity(atMs),
      }),
    );
    // A ref of its own keeps the commit from being collected.
    await this.git.must(['update-ref', `refs/millwright/${commit}`, commit]);
    this.#made.note(commit, tree, parent);
    return commit;
  }

  /** Names a commit, so that it is not collected. */
  async name(ref: `refs/millwright/${string}`, commit: GitSha): Promise<void> {
    await this.git.must(['update-ref', ref, commit]);
  }

  /** Applies a patch to a tree in a temporary index; null when it does not apply. */
  apply(tree: GitSha, patch: Uint8Array): Promise<GitSha | null> {
    const digest = createHash('sha256').update(patch).digest('hex');
    return this.#applied.of([tree, digest], () => this.#apply(tree, patch));
  }

  async #apply(tree: GitSha, patch: Uint8Array): Promise<GitSha | null> {
    const folder = await mkdtemp(join(tmpdir(), 'millwright-index-'));
    const env = { GIT_INDEX_FILE: join(folder, 'index') };
    try {
      await this.git.must(['read-tree', tree], { env });
      if (patch.length > 0) {
        const args = ['apply', '--cached', '--whitespace=nowarn', '-'];
        const applied = await this.git.run(args, { env, input: patch });
        if (applied.exitCode !== 0) {
          if (DOES_NOT_APPLY.test(applied.stderr) && !UNREADABLE.test(applied.stderr)) return null;
          throw gitFailed(args, applied);
        }
      }
      return GitSha.parse(await this.git.text(['write-tree'], { env }));
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }

  diff(from: GitSha, to: GitSha): Promise<Buffer> {
    return this.#diffs.of([from, to], () => this.git.must(['diff-tree', '-p', ...DIFF, from, to]));
  }

  /** `git diff --full-index --binary | git patch-id --verbatim`; the empty patch has the all-zero id. */
  patchId(from: GitSha, to: GitSha): Promise<PatchId> {
    return this.#patchIds.of([from, to], async () => {
      const out = await this.git.text(['patch-id', '--verbatim'], { input: await this.diff(from, to) });
      return PatchId.parse(out === '' ? '0'.repeat(40) : out.split(' ')[0]);
    });
  }

  changed(from: GitSha, to: GitSha): Promise<ChangedPath[]> {
    return this.#changed.of([from, to], () => this.#changedPaths(from, to));
  }

  /** The same paths with the bytes of both their sides. */
  changedFiles(from: GitSha, to: GitSha): Promise<ChangedFile[]> {
    return this.#changedFiles.of([from, to], () => changedFiles(this.git, from, to));
  }

  /** Files of a tree that hold one of these texts. */
  holding(tree: GitSha, texts: readonly string[]): Promise<string[]> {
    return this.#holding.of([tree, ...texts], () => filesHolding(this.git, tree, texts));
  }

  /** What a tree names and the repository does not have. */
  elsewhere(tree: GitSha): Promise<Elsewhere> {
    return this.#elsewhere.of([tree], () => elsewhere(this.git, tree));
  }

  async #changedPaths(from: GitSha, to: GitSha): Promise<ChangedPath[]> {
    const fields = (
      await this.git.must(['diff-tree', '-r', '-z', '--no-renames', '--raw', '--numstat', from, to])
    )
      .toString('utf8')
      .split('\0');
    const status = new Map<string, ChangedPath['status']>();
    const lines: ChangedPath[] = [];
    for (let i = 0; i < fields.length; i += 1) {
      const field = fields[i] ?? '';
      if (field.startsWith(':')) {
        const letter = field.split(' ').at(-1) ?? 'M';
        status.set(
          fields[++i] ?? '',
          letter === 'A'
            ? 'added'
            : letter === 'D'
              ? 'deleted'
              : letter === 'T'
                ? 'type_changed'
                : 'modified',
        );
        continue;
      }
      const [added, removed, path] = field.split('\t');
      if (path)
        lines.push({
          path,
          status: status.get(path) ?? 'modified',
          added: Number(added) || 0,
          removed: Number(removed) || 0,
        });
    }
    return lines;
  }

  /**
   * Puts what `theirs` changes of `base` onto `ours`, without a work tree; the result is one commit on top of `ours`. The merge base is the
   * one that is named, never one that git finds: what was taken off a branch since does not come back with a change that was made on it.
   */
  async merge(
    base: GitSha,
    ours: GitSha,
    theirs: GitSha,
    message: string,
    atMs: number,
    names: Sides = SIDES,
  ): Promise<Merged> {
    const [from, onto, changed] = await Promise.all([this.at(base), this.at(ours), this.at(theirs)]);
    if (from.tree === onto.tree)
      return {
        kind: 'merged',
        commit: await this.commit(changed.tree, ours, message, atMs),
        tree: changed.tree,
      };
    const { result, left, right } = await this.#mergeTree(from.tree, onto.tree, changed.tree);
    const [tree, ...rest] = result.stdout.toString('utf8').split('\0');
    const merged = GitSha.parse(tree);
    if (result.exitCode === 0)
      return { kind: 'merged', commit: await this.commit(merged, ours, message, atMs), tree: merged };
    const end = rest.indexOf('');
    const paths = rest.slice(0, end);
    const named = (text: string) => text.replaceAll(left, names.ours).replaceAll(right, names.theirs);
    return {
      kind: 'conflict',
      tree: await this.#marked(merged, paths, named),
      paths,
      message: named(
        rest
          .slice(end + 1)
          .filter((part) => /CONFLICT/.test(part))
          .join(''),
      ),
    };
  }

  /** The tree whose conflict markers say what each side is. Only plain files have any. */
  async #marked(tree: GitSha, paths: readonly string[], named: (text: string) => string): Promise<GitSha> {
    const env = { GIT_LITERAL_PATHSPECS: '1' };
    const lines = paths.map(async (path) => {
      const [mode = '', , blob = ''] = (
        await this.git.text(['ls-tree', '--full-tree', tree, '--', path], { env })
      ).split(/\s+/, 3);
      if (!mode.startsWith('100')) return '';
      // As bytes: a file need not be UTF-8.
      const before = (await this.git.must(['cat-file', 'blob', blob])).toString('latin1');
      const after = before.replace(/^(?:<{7,}|>{7,}) .*$/gm, named);
      if (after === before) return '';
      const input = Buffer.from(after, 'latin1');
      return `${mode} ${await this.git.text(['hash-object', '-w', '--stdin'], { input })}\t${path}\0`;
    });
    const all = (await Promise.all(lines)).join('');
    return all === '' ? tree : this.#withFiles(tree, all);
  }

  /**
   * As `merge`; where all that conflicts are lines that both sides add at one place, and which may stand side by side (union.ts), it has both: first those
   * of `ours`. Other files still conflict. `united` names the files.
   */
  async mergeUniting(
    base: GitSha,
    ours: GitSha,
    theirs: GitSha,
    message: string,
    atMs: number,
    names: Sides = SIDES,
  ): Promise<Merged & { united: string[] }> {
    const merged = await this.merge(base, ours, theirs, message, atMs, names);
    if (merged.kind === 'merged') return { ...merged, united: [] };
    const sides = await Promise.all([this.at(base), this.at(ours), this.at(theirs)]);
    const trees = sides.map(({ tree }) => tree);
    const files = new Map<string, string>();
    for (const path of merged.paths.filter(mayBeUnited)) {
      const file = await this.#united(trees, path);
      if (file !== null) files.set(path, file);
    }
    const united = [...files.keys()];
    if (united.length === 0) return { ...merged, united };
    const tree = await this.#withFiles(merged.tree, [...files.values()].join(''));
    const paths = merged.paths.filter((path) => !files.has(path));
    return paths.length > 0
      ? { ...merged, tree, paths, united }
      : { kind: 'merged', commit: await this.commit(tree, ours, message, atMs), tree, united };
  }

  /** A line for the index: the file with what both sides add; null where a side has none, another kind of entry, or changed a line. */
  async #united(trees: readonly GitSha[], path: string): Promise<string | null> {
    const env = { GIT_LITERAL_PATHSPECS: '1' };
    const listed = await Promise.all(
      trees.map((tree) => this.git.text(['ls-tree', '--full-tree', tree, '--', path], { env })),
    );
    const entries = listed.map((line) => line.split(/\s+/, 3));
    if (entries.some(([mode]) => mode !== '100644')) return null;
    const [base, ours, theirs] = await Promise.all(
      entries.map(([, , blob = '']) => this.git.must(['cat-file', 'blob', blob])),
    );
    if (base === undefined || ours === undefined || theirs === undefined) return null;
    const input = await unite(this.git, path, [base, ours, theirs]);
    if (input === null) return null;
    return `100644 ${await this.git.text(['hash-object', '-w', '--stdin'], { input })}\t${path}\0`;
  }

  async #withFiles(tree: GitSha, lines: string): Promise<GitSha> {
    const folder = await mkdtemp(join(tmpdir(), 'millwright-index-'));
    const env = { GIT_INDEX_FILE: join(folder, 'index') };
    try {
      await this.git.must(['read-tree', tree], { env });
      await this.git.must(['update-index', '-z', '--index-info'], { env, input: Buffer.from(lines) });
      return GitSha.parse(await this.git.text(['write-tree'], { env }));
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }

  /** 0: merged, 1: with conflicts; the tree comes first. */
  async #mergeTree(base: GitSha, ours: GitSha, theirs: GitSha) {
    // git 2.39 has no --merge-base: two commits on a root of their own have that root as theirs.
    const root = await this.#unnamed(base);
    const [left, right] = await Promise.all([this.#unnamed(ours, root), this.#unnamed(theirs, root)]);
    const merging = ['merge-tree', '--write-tree', '--name-only', '-z', left, right];
    return { result: await this.git.ask(merging, [0, 1]), left, right };
  }

  /** A commit that nothing names: collected sooner or later. */
  async #unnamed(tree: GitSha, parent?: GitSha): Promise<GitSha> {
    const on = parent === undefined ? [] : ['-p', parent];
    return GitSha.parse(
      await this.git.text(['commit-tree', tree, ...on, '-m', 'for a merge'], { env: identity(0) }),
    );
  }

  /** The tree without what `commit` changed, as a new commit on `head`. */
  async revert(head: GitSha, commit: GitSha, message: string, atMs: number): Promise<Merged> {
    const before = await this.at(`${commit}^`);
    return this.merge(commit, head, before.commit, message, atMs);
  }

  /** The tree with what `commit` changed, as a new commit on `head`. */
  async reapply(head: GitSha, commit: GitSha, message: string, atMs: number): Promise<Merged> {
    const before = await this.at(`${commit}^`);
    return this.merge(before.commit, head, commit, message, atMs);
  }

  /**
   * Whether a history's end has what `commit` changed: `in` or `out`, by what taking it back, or putting it there, would do to the tree.
   * `mixed` is neither: some of it, or something else in its place.
   */
  async holds(at: GitSha, commit: GitSha): Promise<'in' | 'out' | 'mixed'> {
    const { commit: before } = await this.at(`${commit}^`);
    const { tree } = await this.at(at);
    if ((await this.mergedTree(commit, at, before)) === tree) return 'out';
    return (await this.mergedTree(before, at, commit)) === tree ? 'in' : 'mixed';
  }

  /** The tree of a merge that has no conflict, else null. */
  async mergedTree(base: GitSha, ours: GitSha, theirs: GitSha): Promise<GitSha | null> {
    const [from, onto, changed] = await Promise.all([this.at(base), this.at(ours), this.at(theirs)]);
    if (from.tree === onto.tree) return changed.tree;
    if (from.tree === changed.tree) return onto.tree;
    const { exitCode, stdout } = (await this.#mergeTree(from.tree, onto.tree, changed.tree)).result;
    return exitCode === 0 ? GitSha.parse(stdout.toString('utf8').split('\0')[0]) : null;
  }

  /** Where a branch of the remote stands, or null. A remote that cannot be asked throws, retryably: it is not one without the branch. */
  async remoteHead(branch: string): Promise<GitSha | null> {
    const listed = await this.#remote(['ls-remote', '--', this.url, `refs/heads/${branch}`], 60_000);
    if (listed.exitCode !== 0) throw retryable('remote', `git ls-remote failed: ${complaint(listed.stderr)}`);
    const line = listed.stdout.toString('utf8').trim();
    return line === '' ? null : GitSha.parse(line.split('\t')[0]);
  }

  /** The commits after `since` and up to `head` that touch one of these paths, newest first, `most` at most. */
  async touching(head: GitSha, since: GitSha, paths: readonly string[], most: number): Promise<GitSha[]> {
    const range = [`-${most}`, '--full-history', head, `^${since}`, '--', ...paths];
    const env = { GIT_LITERAL_PATHSPECS: '1' };
    const found = await this.git.text(['log', '--format=%H', ...range], { env });
    return found === '' ? [] : found.split('\n').map((line) => GitSha.parse(line));
  }

  /** What `to` has and `from` has not, newest first, `most` at most. */
  async commits(from: GitSha, to: GitSha, most: number): Promise<{ commit: GitSha; title: string }[]> {
    const said = await this.git.text(['log', '--format=%H %s', `-${most}`, `${from}..${to}`]);
    return said === ''
      ? []
      : said.split('\n').map((line) => ({ commit: GitSha.parse(line.slice(0, 40)), title: line.slice(41) }));
  }

  /** The newest `most` commits that any of `heads` has, each before what it stands on. */
  async commitsOf(heads: readonly GitSha[], most: number): Promise<{ commit: GitSha; title: string }[]> {
    if (heads.length === 0) return [];
    const said = await this.git.text(['log', '--topo-order', '--format=%H %s', `-${most}`, ...heads]);
    return said
      .split('\n')
      .map((line) => ({ commit: GitSha.parse(line.slice(0, 40)), title: line.slice(41) }));
  }

  /** The first line of a commit's message. */
  async title(commit: GitSha): Promise<string> {
    return this.git.text(['log', '--format=%s', '-1', commit]);
  }

  /** True for a local repository whose work tree has this branch checked out: pushing to it would move the ground under somebody. */
  async isCheckedOut(): Promise<boolean> {
    const local = await localRemote(this.url);
    if (local.kind === 'elsewhere') return false;
    if (local.kind === 'refused') throw terminal('remote-refused', local.reason);
    const options = {
      env: { GIT_DIR: local.path },
      ...(local.kind === 'theirs' ? { user: { uid: local.uid, gid: local.gid } } : {}),
    };
    const bare = await this.git.must(['rev-parse', '--is-bare-repository'], options);
    if (bare.toString().trim() !== 'false') return false;
    // 1: it is at no branch.
    const head = await this.git.ask(['symbolic-ref', '--quiet', '--short', 'HEAD'], [0, 1], options);
    return head.stdout.toString().trim() === this.branch;
  }

  /** Whether `of` stands on `commit`. A history that cannot be read throws: it is not one without it. */
  async isAncestor(commit: GitSha, of: GitSha): Promise<boolean> {
    const known = this.#made.isAncestor(commit, of);
    if (known !== null) return known;
    return (await this.git.ask(['merge-base', '--is-ancestor', commit, of], [0, 1])).exitCode === 0;
  }

  /**
   * Fast-forward of the branch from exactly `base` to `commit`, never a plain and never a force push. `pushed` is what was read back from
   * the remote afterwards, not what the push was answered: hooks of the remote may have put the branch back.
   */
  async push(commit: GitSha, base: GitSha, branch = this.branch): Promise<Pushed> {
    if (!(await this.isAncestor(base, commit)))
      throw terminal('not-a-descendant', `${commit} does not stand on ${base}`);
    const ref = `refs/heads/${branch}`;
    const pushed = await this.#push(commit, ref, `--force-with-lease=${ref}:${base}`);
    if (pushed.kind === 'moved' || pushed.kind === 'refused') return pushed;
    const now = await this.remoteHead(branch);
    if (now === commit) {
      if (branch === this.branch) this.#fetched = this.#made.at(commit);
      return { kind: 'pushed' };
    }
    if (pushed.kind === 'unsaid') return denied(pushed);
    if (now === base || now === null)
      return {
        kind: 'refused',
        reason: `the remote took the push and put ${branch} back to ${now ?? 'nothing'}`,
      };
    // Somebody else was faster: on top of it, or over it.
    const head = branch === this.branch ? await this.fetch() : null;
    if (head !== null && !('kind' in head) && (await this.isAncestor(commit, head.commit))) return pushed;
    return { kind: 'moved', reason: `${branch} is at ${now}, without what was just pushed` };
  }

  /** A new branch, read back as by `push`; `pushed` also where it was there with this commit, refused when it is there with another. */
  async pushBranch(commit: GitSha, branch: string): Promise<Pushed> {
    const pushed = await this.#push(
      commit,
      `refs/heads/${branch}`,
      `--force-with-lease=refs/heads/${branch}:`,
    );
    if ((await this.remoteHead(branch)) === commit) return { kind: 'pushed' };
    if (pushed.kind === 'unsaid') return denied(pushed);
    if (pushed.kind !== 'pushed') return pushed;
    return { kind: 'refused', reason: `the remote took the push, and its branch ${branch} is elsewhere` };
  }

  async #push(commit: GitSha, ref: string, lease: string): Promise<Pushed | Unsaid> {
    const local = await localRemote(this.url);
    if (local.kind === 'refused') return local;
    const pushed = await this.#remote(
      ['push', '--porcelain', '--no-verify', lease, '--', this.url, `${commit}:${ref}`],
      300_000,
    );
    if (pushed.exitCode === 0) return { kind: 'pushed' };
    const said = `${pushed.stdout.toString('utf8')}\n${pushed.stderr}`;
    const ofRef = /^!\t[^\t]*\t(.*)$/m.exec(said)?.[1];
    const why = [ofRef ?? complaint(pushed.stderr), ...remarks(pushed.stderr)].join('; ');
    if (ofRef === undefined) return { kind: 'unsaid', reason: why };
    return /stale info|fetch first|non-fast-forward|incorrect old value|failed to lock|cannot lock ref/.test(
      said,
    )
      ? { kind: 'moved', reason: why }
      : { kind: 'refused', reason: why };
  }
}
