import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Artifacts, type CommitAndTree, Digest, GitSha } from '@millwright/domain';
import { z } from 'zod';
import type { Git } from './git.ts';
import { identity } from './identity.ts';
import { Memo } from './memo.ts';

/** `bundle` needs what those of `on` hold, the oldest first. */
export type Source = { bundle: Digest; on: Digest[] };
type Kept = Pick<Artifacts, 'put' | 'has'>;

/** A commit of the branch that runs began on: `history` leads to its tree, and `bundle` has what those before it have not. */
const Link = z.strictObject({ commit: GitSha, history: GitSha, bundle: Digest, bytes: z.number() });
type Link = z.infer<typeof Link>;
const Spines = z.array(z.array(Link).min(1));

/** Commits of the repository's own that an agent sees, at least. */
export const HISTORY = 20;
/** What is read from the database before a first checkout is this many bundles at most, and at most twice the whole. */
const MOST_LINKS = 64;
const SMALL = 1_048_576;
/** Runs that are open still stand on the spines before. */
const MOST_SPINES = 8;
/** A whole bundle, held in memory: an artifact may have 512 MiB. */
const MOST_BUNDLE = 448 * 1_048_576;
const BUNDLE_MS = 600_000;

/**
 * How the trees of a repository travel to runners: as a spine of bundles, of which the first holds the branch as it was once and each other one
 * what was put on it since, and for a run's own trees a bundle on top of the spine. What was stored once is named again, so that a run stores
 * what is new in it (docs/decisions/0040-sources-travel-as-what-is-new.md). The spines are noted in a file beside the objects; without
 * it, or where the database has not what it names, another begins.
 */
export class Sources {
  readonly #git: Git;
  readonly #at: (commit: GitSha) => Promise<CommitAndTree>;
  readonly #file: string;
  readonly #made = new Memo<Source>(64);
  #spines: Link[][] | null = null;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(git: Git, at: (commit: GitSha) => Promise<CommitAndTree>) {
    this.#git = git;
    this.#at = at;
    this.#file = join(git.dir, 'sources.json');
  }

  /** The bundles that an attempt on these trees needs, `base` being the commit of its run; what is not stored yet is. One after the other. */
  of(trees: readonly GitSha[], base: GitSha, kept: Kept): Promise<Source> {
    return this.#made.of([...trees, base], () => {
      const made = this.#turn.then(() => this.#source(trees, base, kept));
      this.#turn = made.catch(() => undefined); // who asked is told
      return made;
    });
  }

  async #source(trees: readonly GitSha[], base: GitSha, kept: Kept): Promise<Source> {
    const spine = await this.#spineTo(base, kept);
    const on = spine.map(({ bundle }) => bundle);
    const tip = spine.at(-1);
    const [last] = on.slice(-1);
    if (tip === undefined || last === undefined) throw new Error('a spine has a link');
    const own = await this.#at(base);
    const others = [...new Set(trees)].filter((tree) => tree !== own.tree);
    if (others.length === 0) return { bundle: last, on: on.slice(0, -1) };
    const refs: string[] = [];
    for (const tree of others) {
      const made = ['commit-tree', tree, '-p', tip.history, '-m', 'The work so far'];
      refs.push(await this.#ref(tree, GitSha.parse(await this.#git.text(made, { env: identity(0) }))));
    }
    return { bundle: await kept.put(await this.#bundle(refs, tip.history)), on };
  }

  /** The spine up to this commit. */
  async #spineTo(base: GitSha, kept: Kept): Promise<Link[]> {
    this.#spines ??= await this.#read(kept);
    for (const spine of this.#spines) {
      const at = spine.findIndex(({ commit }) => commit === base);
      if (at >= 0) return spine.slice(0, at + 1);
    }
    const [newest] = this.#spines;
    const before = newest?.at(-1);
    const since = newest && before && goesOn(newest) ? await this.#since(before.commit, base) : null;
    const links = newest !== undefined && since !== null ? newest : [];
    const history = await this.#history(base, links.at(-1) ?? null, since);
    const ref = await this.#ref((await this.#at(base)).tree, history);
    const bytes = await this.#bundle([ref], links.at(-1)?.history ?? null);
    const link = { commit: base, history, bundle: await kept.put(bytes), bytes: bytes.length };
    const grown = [...links, link];
    const others = this.#spines.filter((spine) => spine !== links);
    this.#spines = [grown, ...others].slice(0, MOST_SPINES);
    await this.#write(this.#spines);
    return grown;
  }

  /** How many commits of the branch itself lead from one to the other; null where it did not come that way. */
  async #since(from: GitSha, to: GitSha): Promise<number | null> {
    const count = Number(await this.#git.text(['rev-list', '--first-parent', '--count', `${from}..${to}`]));
    if (count === 0) return null;
    const below = await this.#git.ask(['rev-parse', '--verify', '--quiet', `${to}~${count}`], [0, 1]);
    return below.stdout.toString().trim() === from ? count : null;
  }

  /**
   * The last commits that led to `base`, first parents alone, as commits of their own: same trees, authors, times and messages. They stand on the
   * link before, or need nothing before them. Its tip has the base's tree.
   */
  async #history(base: GitSha, before: Link | null, since: number | null): Promise<GitSha> {
    const format = '--format=%T%x00%an%x00%ae%x00%at%x00%B%x00%x01';
    const said = await this.#git.text([
      ...['log', '--first-parent', `-${Math.min(HISTORY, since ?? HISTORY)}`, format, base],
    ]);
    const commits = said
      .split('\u0001')
      .map((one) => one.replace(/^\n/, '').split('\0'))
      .filter((fields) => fields.length >= 5)
      .reverse();
    const left = (since ?? 0) - commits.length;
    if (before !== null && left > 0)
      commits.unshift([
        await this.#git.text(['rev-parse', `${base}~${commits.length}^{tree}`]),
        ...['Millwright', 'millwright@localhost', '0', `${left} commits that are not shown\n`],
      ]);
    const ref = `refs/millwright/history/${base}`;
    const plain = (text: string) => text.replace(/[<>\n\0]/g, ' ').trim() || 'unknown';
    const stream = commits.map(([tree, name = '', email = '', time, message = ''], index) => {
      const who = `${plain(name)} <${plain(email)}> ${time} +0000`;
      const parent = index === 0 ? before?.history : `:${index}`;
      const from = parent === undefined ? '' : `from ${parent}\n`;
      const head = `commit ${ref}\nmark :${index + 1}\nauthor ${who}\ncommitter ${who}\n`;
      return `${head}data ${Buffer.byteLength(message)}\n${message}\n${from}M 040000 ${tree} \n\n`;
    });
    await this.#git.must(['fast-import', '--quiet', '--force'], { input: Buffer.from(stream.join('')) });
    return GitSha.parse(await this.#git.text(['rev-parse', ref]));
  }

  /** The ref by which a bundle names the commit of a tree. */
  async #ref(tree: GitSha, commit: GitSha): Promise<string> {
    const ref = `refs/history/${tree}`;
    await this.#git.must(['update-ref', ref, commit]);
    return ref;
  }

  #bundle(refs: readonly string[], without: GitSha | null): Promise<Uint8Array> {
    const not = without === null ? [] : ['--not', without];
    return this.#git.must(['bundle', 'create', '--quiet', '-', ...refs, ...not], {
      maxBytes: MOST_BUNDLE,
      timeoutMs: BUNDLE_MS,
    });
  }

  /** Of each spine what the database has: a link was stored after those before it. */
  async #read({ has }: Kept): Promise<Link[][]> {
    const text = await readFile(this.#file, 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return '[]';
      throw error;
    });
    const there: Link[][] = [];
    for (const [whole, ...since] of Spines.parse(JSON.parse(text))) {
      if (whole === undefined || !(await has(whole.bundle))) continue;
      for (let last = since.at(-1); last !== undefined && !(await has(last.bundle)); last = since.at(-1))
        since.pop();
      there.push([whole, ...since]);
    }
    return there;
  }

  async #write(spines: Link[][]): Promise<void> {
    const beside = `${this.#file}.new`;
    await writeFile(beside, JSON.stringify(spines));
    await rename(beside, this.#file);
  }
}

/** Whether another link is cheaper for who has none of it than the whole anew. */
function goesOn([whole, ...since]: readonly Link[]): boolean {
  const bytes = since.reduce((sum, link) => sum + link.bytes, 0);
  return since.length < MOST_LINKS - 1 && bytes < Math.max(SMALL, whole?.bytes ?? 0);
}
