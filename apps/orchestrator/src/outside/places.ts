import type { Forge } from '@millwright/connect';
import type { ForgePlace, RepoName } from '@millwright/domain';
import type { Secrets } from '@millwright/store';

/** The secrets of a repository that only the orchestrator uses: to ask and write where it is connected to, and to know what is sent from there. */
export const PLACE_TOKEN = 'MILLWRIGHT_PLACE_TOKEN';
export const DELIVERIES_SECRET = 'MILLWRIGHT_DELIVERIES';

export type OpenForge = (place: ForgePlace, token: string) => Forge;

/** The places that repositories are connected to, each opened once: what it remembers of what it saw, and of how long it was asked to wait, is kept. */
export class Places {
  readonly #secrets: Pick<Secrets, 'get'>;
  /** A place that nobody is connected to yet. */
  readonly open: OpenForge;
  readonly #opened = new Map<RepoName, { of: string; forge: Forge }>();

  constructor(secrets: Pick<Secrets, 'get'>, open: OpenForge) {
    this.#secrets = secrets;
    this.open = open;
  }

  /** Null: there is no token for it. */
  async of(repo: RepoName, place: ForgePlace): Promise<Forge | null> {
    const token = await this.#secrets.get(repo, PLACE_TOKEN);
    if (token === null) return null;
    const of = JSON.stringify([place, token]);
    const known = this.#opened.get(repo);
    if (known?.of === of) return known.forge;
    const forge = this.open(place, token);
    this.#opened.set(repo, { of, forge });
    return forge;
  }
}
