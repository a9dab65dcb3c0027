import { createHash } from 'node:crypto';
import {
  type Artifacts,
  type ChangedPath,
  type CommitAndTree,
  type GitSha,
  type PatchId,
  retryable,
  terminal,
} from '@millwright/domain';
import type { Fetched, FoundFile, Merged, Pushed, Repository } from '@millwright/orchestrator/testing';
import type { Network } from './network.ts';

// A forge, and the factory's copies of what is there. Objects have the names of what they are, so that all copies share them; only where branches
// stand is the remote's own. Files are merged whole.

type Tree = ReadonlyMap<string, string>;
type Commit = { tree: GitSha; parent: GitSha | null; title: string; message: string };

const sha = (text: string): GitSha => createHash('sha1').update(text).digest('hex') as GitSha;

/** Every object that anybody made, and the branches of the remote. */
export class Forge {
  readonly trees = new Map<GitSha, Tree>();
  readonly commits = new Map<GitSha, Commit>();
  readonly branches = new Map<string, GitSha>();
  /** Every push that the remote took, in order. */
  readonly pushes: { branch: string; commit: GitSha; from: GitSha | null }[] = [];
  /** It answers that it took a push, and puts the branch back. */
  lies = false;

  tree(files: ReadonlyMap<string, string>): GitSha {
    const sorted = [...files].sort(([a], [b]) => (a < b ? -1 : 1));
    const id = sha(JSON.stringify(sorted));
    if (!this.trees.has(id)) this.trees.set(id, new Map(sorted));
    return id;
  }

  files(tree: GitSha): Tree {
    const files = this.trees.get(tree);
    if (files === undefined) throw terminal('git-failed', `there is no tree ${tree}`);
    return files;
  }

  commit(tree: GitSha, parent: GitSha | null, message: string, at: number): GitSha {
    const id = sha(JSON.stringify([tree, parent, message, Math.floor(at / 1_000)]));
    const title = message.split('\n')[0] ?? '';
    if (!this.commits.has(id)) this.commits.set(id, { tree, parent, title, message });
    return id;
  }

  at(name: string): CommitAndTree {
    const before = name.endsWith('^');
    const commit = this.commits.get((before ? name.slice(0, -1) : name) as GitSha);
    const found = before ? commit?.parent : name;
    const { tree } = this.commits.get(found as GitSha) ?? {};
    if (tree === undefined) throw terminal('git-failed', `there is no commit ${name}`);
    return { commit: found as GitSha, tree };
  }

  /** From a commit to the first, itself included. */
  line(from: GitSha): GitSha[] {
    const line: GitSha[] = [];
    for (let at: GitSha | null = from; at !== null; at = this.commits.get(at)?.parent ?? null) line.push(at);
    return line;
  }

  isAncestor(commit: GitSha, of: GitSha): boolean {
    return this.line(of).includes(commit);
  }

  changed(from: GitSha, to: GitSha): string[] {
    const [a, b] = [this.files(from), this.files(to)];
    return [...new Set([...a.keys(), ...b.keys()])].filter((path) => a.get(path) !== b.get(path)).sort();
  }

  /** The third tree's changes of the first, on the second. */
  merged(base: GitSha, ours: GitSha, theirs: GitSha): { tree: GitSha; conflicts: string[] } {
    const [from, onto, want] = [this.files(base), this.files(ours), this.files(theirs)];
    const files = new Map(onto);
    const conflicts: string[] = [];
    for (const path of this.changed(base, theirs)) {
      const [was, is, made] = [from.get(path), onto.get(path), want.get(path)];
      if (is !== was && is !== made) {
        conflicts.push(path);
        files.set(path, `<<<<<<< the base\n${is ?? ''}=======\n${made ?? ''}>>>>>>> the change\n`);
      } else if (made === undefined) files.delete(path);
      else files.set(path, made);
    }
    return { tree: this.tree(files), conflicts };
  }

  patch(from: GitSha, to: GitSha): string {
    const [a, b] = [this.files(from), this.files(to)];
    const lines = (text: string | undefined) =>
      text === undefined ? [] : text.replace(/\n$/, '').split('\n');
    return this.changed(from, to)
      .map((path) => {
        const [was, is] = [lines(a.get(path)), lines(b.get(path))];
        const head = `diff --git a/${path} b/${path}\n--- ${a.has(path) ? `a/${path}` : '/dev/null'}\n+++ ${b.has(path) ? `b/${path}` : '/dev/null'}\n`;
        const body = [...was.map((line) => `-${line}`), ...is.map((line) => `+${line}`)].join('\n');
        return `${head}@@ -1,${was.length} +1,${is.length} @@\n${body}\n`;
      })
      .join('');
  }

  apply(tree: GitSha, patch: string): GitSha | null {
    const files = new Map(this.files(tree));
    for (const part of patch.split(/^diff --git /m).slice(1)) {
      const path = /^\+\+\+ b\/(.*)$/m.exec(part)?.[1] ?? /^--- a\/(.*)$/m.exec(part)?.[1] ?? '';
      const body = part.slice(part.indexOf('\n', part.indexOf('@@ -')) + 1).split('\n');
      const side = (mark: string) =>
        body.filter((line) => line.startsWith(mark)).map((line) => `${line.slice(1)}\n`);
      if ((files.get(path) ?? '') !== side('-').join('')) return null;
      if (part.includes('+++ /dev/null')) files.delete(path);
      else files.set(path, side('+').join(''));
    }
    return this.tree(files);
  }

  /** What a remote does with a push: from exactly `base`, or not at all. */
  push(branch: string, commit: GitSha, base: GitSha | null): boolean {
    const now = this.branches.get(branch) ?? null;
    if (now !== base) return false;
    if (this.lies) return true;
    this.branches.set(branch, commit);
    this.pushes.push({ branch, commit, from: base });
    return true;
  }
}

type Shape = Pick<Repository, keyof Repository>;

/** The factory's own copy, of one orchestrator. */
export class SimulatedRepository implements Shape {
  readonly url = 'ssh://forge/shop.git';
  readonly branch = 'main';
  readonly #forge: Forge;
  readonly #network: Network;

  constructor(forge: Forge, network: Network) {
    this.#forge = forge;
    this.#network = network;
  }

  /** No command of git's own is run here. */
  get git(): Repository['git'] {
    const none = { text: async () => '', must: async () => Buffer.alloc(0) };
    return none as unknown as Repository['git'];
  }

  #ask<T>(changes: boolean, work: () => T, otherwise: () => T): Promise<T> {
    const away = (why: string) => new Error(why);
    return this.#network.call('remote', { changes, away, work }).catch(otherwise);
  }

  async apart(): Promise<Repository> {
    throw new Error('another copy is not simulated');
  }

  async fetch(): Promise<Fetched> {
    return this.#ask<Fetched>(
      false,
      () => this.#forge.at(this.#forge.branches.get(this.branch) ?? ''),
      () => ({ kind: 'failed', code: 'unreachable', reason: 'Could not resolve host' }),
    );
  }

  async at(ref: string): Promise<CommitAndTree> {
    return this.#forge.at(ref);
  }

  async file(tree: GitSha, path: string): Promise<FoundFile> {
    const text = this.#forge.files(tree).get(path);
    return text === undefined ? { kind: 'none' } : { kind: 'file', text };
  }

  async rootFiles(tree: GitSha): Promise<string[]> {
    return [...new Set([...this.#forge.files(tree).keys()].map((path) => path.split('/')[0] ?? ''))];
  }

  async paths(tree: GitSha): Promise<string[]> {
    return [...this.#forge.files(tree).keys()];
  }

  async measure({ tree }: CommitAndTree): Promise<{ files: number; bytes: number }> {
    return { files: this.#forge.files(tree).size, bytes: 1_000 };
  }

  /** Nobody need hear of its failure, as of the real one's. */
  source(trees: readonly GitSha[], _base: GitSha, kept: Pick<Artifacts, 'put'>) {
    const made = kept.put(Buffer.from(`bundle ${trees.join(' ')}`)).then((bundle) => ({ bundle, on: [] }));
    made.catch(() => undefined);
    return made;
  }

  async commit(tree: GitSha, parent: GitSha, message: string, atMs: number): Promise<GitSha> {
    return this.#forge.commit(tree, parent, message, atMs);
  }

  async name(): Promise<void> {}

  async apply(tree: GitSha, patch: Uint8Array): Promise<GitSha | null> {
    return this.#forge.apply(tree, Buffer.from(patch).toString());
  }

  async diff(from: GitSha, to: GitSha): Promise<Buffer> {
    return Buffer.from(this.#forge.patch(from, to));
  }

  async patchId(from: GitSha, to: GitSha): Promise<PatchId> {
    return sha(this.#forge.patch(from, to)) as string as PatchId;
  }

  async changed(from: GitSha, to: GitSha): Promise<ChangedPath[]> {
    const [a, b] = [this.#forge.files(from), this.#forge.files(to)];
    return this.#forge.changed(from, to).map((path) => ({
      path,
      status: !a.has(path) ? 'added' : b.has(path) ? 'modified' : 'deleted',
      added: (b.get(path) ?? '').split('\n').length - 1,
      removed: (a.get(path) ?? '').split('\n').length - 1,
    }));
  }

  async changedFiles(from: GitSha, to: GitSha) {
    const side = (text: string | undefined) =>
      text === undefined ? null : { mode: '100644', bytes: Buffer.from(text) };
    const [a, b] = [this.#forge.files(from), this.#forge.files(to)];
    return this.#forge
      .changed(from, to)
      .map((path) => ({ path, before: side(a.get(path)), after: side(b.get(path)) }));
  }

  async holding(tree: GitSha, texts: readonly string[]): Promise<string[]> {
    const found = [...this.#forge.files(tree)].filter(([, text]) => texts.some((one) => text.includes(one)));
    return found.map(([path]) => path);
  }

  async elsewhere() {
    return { submodules: [], lfs: [] };
  }

  async merge(base: GitSha, ours: GitSha, theirs: GitSha, message: string, atMs: number): Promise<Merged> {
    const [from, onto, want] = [base, ours, theirs].map((one) => this.#forge.at(one).tree) as [
      GitSha,
      GitSha,
      GitSha,
    ];
    const { tree, conflicts } = this.#forge.merged(from, onto, want);
    if (conflicts.length > 0)
      return { kind: 'conflict', tree, paths: conflicts, message: `CONFLICT in ${conflicts.join(', ')}` };
    return { kind: 'merged', tree, commit: this.#forge.commit(tree, ours, message, atMs) };
  }

  async mergeUniting(base: GitSha, ours: GitSha, theirs: GitSha, message: string, atMs: number) {
    return { ...(await this.merge(base, ours, theirs, message, atMs)), united: [] };
  }

  revert(head: GitSha, commit: GitSha, message: string, atMs: number): Promise<Merged> {
    return this.merge(commit, head, this.#forge.at(`${commit}^`).commit, message, atMs);
  }

  reapply(head: GitSha, commit: GitSha, message: string, atMs: number): Promise<Merged> {
    return this.merge(this.#forge.at(`${commit}^`).commit, head, commit, message, atMs);
  }

  async holds(at: GitSha, commit: GitSha): Promise<'in' | 'out' | 'mixed'> {
    const { commit: before } = this.#forge.at(`${commit}^`);
    const { tree } = this.#forge.at(at);
    if ((await this.mergedTree(commit, at, before)) === tree) return 'out';
    return (await this.mergedTree(before, at, commit)) === tree ? 'in' : 'mixed';
  }

  async mergedTree(base: GitSha, ours: GitSha, theirs: GitSha): Promise<GitSha | null> {
    const at = (one: GitSha) => this.#forge.at(one).tree;
    const { tree, conflicts } = this.#forge.merged(at(base), at(ours), at(theirs));
    return conflicts.length > 0 ? null : tree;
  }

  /** As the real one has it: a remote that cannot be asked throws. */
  remoteHead(branch: string): Promise<GitSha | null> {
    const away = (why: string) => retryable('remote', `git ls-remote failed: ${why}`);
    const work = () => this.#forge.branches.get(branch) ?? null;
    return this.#network.call('remote', { away, work });
  }

  async touching(head: GitSha, since: GitSha, paths: readonly string[], most: number): Promise<GitSha[]> {
    const line = this.#forge.line(head).filter((one) => !this.#forge.isAncestor(one, since));
    const touches = (one: GitSha) =>
      this.#forge
        .changed(this.#forge.at(`${one}^`).tree, this.#forge.at(one).tree)
        .some((path) => paths.includes(path));
    return line.filter(touches).slice(0, most);
  }

  async commits(from: GitSha, to: GitSha, most: number) {
    return this.#titled(this.#forge.line(to).filter((one) => !this.#forge.isAncestor(one, from))).slice(
      0,
      most,
    );
  }

  async commitsOf(heads: readonly GitSha[], most: number) {
    return this.#titled([...new Set(heads.flatMap((head) => this.#forge.line(head)))]).slice(0, most);
  }

  #titled(line: readonly GitSha[]) {
    return line.map((commit) => ({ commit, title: this.#forge.commits.get(commit)?.title ?? '' }));
  }

  async title(commit: GitSha): Promise<string> {
    return this.#forge.commits.get(commit)?.title ?? '';
  }

  async isCheckedOut(): Promise<boolean> {
    return false;
  }

  async isAncestor(commit: GitSha, of: GitSha): Promise<boolean> {
    return this.#forge.isAncestor(commit, of);
  }

  async push(commit: GitSha, base: GitSha): Promise<Pushed> {
    const pushed = await this.#push(this.branch, commit, base);
    if (pushed.kind === 'moved') return pushed;
    const now = await this.remoteHead(this.branch);
    if (now === commit) return { kind: 'pushed' };
    if (pushed.kind === 'unsaid') throw retryable('remote', 'the push had no answer');
    if (now === base || now === null)
      return { kind: 'refused', reason: `the remote took the push and put main back to ${now ?? 'nothing'}` };
    if (this.#forge.isAncestor(commit, now)) return pushed;
    return { kind: 'moved', reason: `main is at ${now}, without what was just pushed` };
  }

  async pushBranch(commit: GitSha, branch: string): Promise<Pushed> {
    const pushed = await this.#push(branch, commit, null);
    if ((await this.remoteHead(branch)) === commit) return { kind: 'pushed' };
    if (pushed.kind === 'unsaid') throw retryable('remote', 'the push had no answer');
    if (pushed.kind !== 'pushed') return pushed;
    return { kind: 'refused', reason: `the remote took the push, and its branch ${branch} is elsewhere` };
  }

  #push(branch: string, commit: GitSha, base: GitSha | null) {
    type Answer = { kind: 'pushed' } | { kind: 'moved'; reason: string } | { kind: 'unsaid' };
    return this.#ask<Answer>(
      true,
      () =>
        this.#forge.push(branch, commit, base) ? { kind: 'pushed' } : { kind: 'moved', reason: 'stale info' },
      () => ({ kind: 'unsaid' }),
    );
  }
}
