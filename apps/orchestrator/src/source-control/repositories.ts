import { randomBytes } from 'node:crypto';
import { rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type RepoName, terminal } from '@millwright/domain';
import { Repository } from './repository.ts';

/** `keep` makes it the copy of that name, without another fetch; `discard` leaves nothing of it. */
export type Probe = {
  repository: Repository;
  keep(as: RepoName): Promise<void>;
  discard(): Promise<void>;
};

/** Where a repository lies and which branch it has; null: there is none. */
export type WhereIs = (name: RepoName) => Promise<{ url: string; branch: string } | null>;
/** What its remote asks for; null where nothing was set. */
export type TokenOf = (name: RepoName) => Promise<string | null>;

/** The bare copies under one folder, opened once each. Where a repository lies and which branch it has is asked of `lookup`. */
export class Repositories {
  readonly #folder: string;
  readonly #lookup: WhereIs;
  readonly #token: TokenOf;
  readonly #open = new Map<RepoName, Promise<Repository>>();

  constructor(folder: string, lookup: WhereIs, token: TokenOf) {
    this.#folder = folder;
    this.#lookup = lookup;
    this.#token = token;
  }

  async open(name: RepoName): Promise<Repository> {
    const open = this.#open.get(name);
    if (open !== undefined) return open;
    const opened = this.#opened(name);
    this.#open.set(name, opened);
    // One that failed is opened anew by whoever asks next.
    opened.catch(() => this.#open.delete(name));
    return opened;
  }

  async #opened(name: RepoName): Promise<Repository> {
    const known = await this.#lookup(name);
    if (known === null) throw terminal('no-such-repository', `there is no repository ${name}`);
    return Repository.open(this.#folder, name, known.url, known.branch, () => this.#token(name));
  }

  /** A copy to try an address with, before it has a name on the trail. Ends with `keep` or `discard`. */
  async probe(url: string, branch: string, token: string | null): Promise<Probe> {
    const name = `.probe-${randomBytes(6).toString('hex')}`;
    const at = join(this.#folder, `${name}.git`);
    const repository = await Repository.open(this.#folder, name, url, branch, async () => token);
    const discard = () => rm(at, { recursive: true, force: true });
    return {
      repository,
      discard,
      // A copy that is there already is as good: whatever it lacks is fetched.
      keep: (as) => rename(at, join(this.#folder, `${as}.git`)).catch(discard),
    };
  }
}
