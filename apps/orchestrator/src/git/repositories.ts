import { type RepoName, terminal } from '@millwright/domain';
import { Repository } from './repository.ts';

/** The bare copies under one folder, opened once each. Where a repository lies and which branch it has is asked of `lookup`. */
export class Repositories {
  readonly #folder: string;
  readonly #lookup: (name: RepoName) => { url: string; branch: string } | undefined;
  readonly #open = new Map<RepoName, Promise<Repository>>();

  constructor(folder: string, lookup: (name: RepoName) => { url: string; branch: string } | undefined) {
    this.#folder = folder;
    this.#lookup = lookup;
  }

  async open(name: RepoName): Promise<Repository> {
    const known = this.#lookup(name);
    if (!known) throw terminal('no-such-repository', `there is no repository ${name}`);
    const opened = this.#open.get(name) ?? Repository.open(this.#folder, name, known.url, known.branch);
    this.#open.set(name, opened);
    return opened;
  }

  /** A copy to try an address with, before it has a name on the trail. */
  probe(name: RepoName, url: string, branch: string): Promise<Repository> {
    return Repository.open(this.#folder, name, url, branch);
  }
}
