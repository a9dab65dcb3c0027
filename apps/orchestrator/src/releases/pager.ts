import type { Act } from '@millwright/api';
import type { Clock, ReleaseId, RepoName } from '@millwright/domain';

/** What a person is called for: going back failed and the target is frozen, or a run waits for somebody. */
export type Page = {
  kind: 'rollback-failed' | 'run-waits';
  repo: RepoName;
  release: ReleaseId | null;
  why: string;
  /** What to do, in order, a line a step. */
  what: string;
  acts: Act[];
  at: number;
};
type Paged = { result: 'sent' | 'failed' | 'nobody'; reason: string };

/** Calls a person. Never rejects: that nobody could be called is a result too. */
export type Pager = (page: Page) => Promise<Paged>;

/** Who is called is told no value that is known as secret. */
export const maskedPager =
  (pager: Pager, { mask }: { mask: (text: string) => string }): Pager =>
  (page) =>
    pager({ ...page, why: mask(page.why), what: mask(page.what) });

const TRIES = 3;
const WAIT_MS = 1_000;
const ANSWER_MS = 5_000;

/**
 * POSTs the page as JSON to `url`, three times at most; a 2xx is an answer. The reason names the address's host alone, since such
 * addresses hold secrets. Without an address nobody is called, which is said.
 */
export function webhookPager(url: string | undefined, clock: Clock): Pager {
  if (url === undefined) return async () => ({ result: 'nobody', reason: 'MILLWRIGHT_PAGE_URL is not set' });
  const { host } = new URL(url);
  return async (page) => {
    let last = '';
    for (let tries = 0; tries < TRIES; tries += 1) {
      if (tries > 0) await clock.sleep(WAIT_MS * 2 ** (tries - 1));
      try {
        const answer = await fetch(url, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify(page),
          signal: AbortSignal.timeout(ANSWER_MS),
          redirect: 'error',
        });
        if (answer.ok) return { result: 'sent', reason: `${host} answered ${answer.status}` };
        last = `${host} answered ${answer.status}`;
      } catch (error) {
        last = `${host} could not be asked: ${error instanceof Error ? error.message : String(error)}`;
      }
    }
    return { result: 'failed', reason: `${last}, ${TRIES} times` };
  };
}
