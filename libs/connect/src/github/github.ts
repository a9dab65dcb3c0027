import { type Clock, type OutsideReference, retryable, terminal } from '@millwright/domain';
import { Octokit } from '@octokit/core';
import type { Forge, Issue, Proposal, Right } from '../forge.ts';

/** A project on GitHub or GitHub Enterprise. `api`: `https://api.github.com`, or `https://HOST/api/v3`. */
export type GitHubPlace = { api: string; project: string; token: string };

/** How long one request may take. Milliseconds. */
const ANSWER_MS = 15_000;
/** How long is waited where a forge asks for it without saying how long: what GitHub's own guide names. Milliseconds. */
const WAIT_MS = 60_000;
const PAGE = 100;
/** So many pages of a list are read; a label that was given longer ago than that is nobody's. */
const PAGES = 10;

/** The end of a comment or proposal of ours: what it is found by, and nobody sees. */
const marked = (key: string) => `<!-- millwright:${key} -->`;

/**
 * GitHub's REST interface through its official client. While GitHub asks to wait, nothing is asked of it: every call is refused with how long.
 * Source: https://docs.github.com/rest, https://docs.github.com/rest/using-the-rest-api/best-practices-for-using-the-rest-api
 */
export function openGitHub(
  { api, project, token }: GitHubPlace,
  { clock }: { clock: Pick<Clock, 'now'> },
): Forge {
  const octokit = new Octokit({ auth: token, baseUrl: api.replace(/\/$/, ''), userAgent: 'millwright' });
  const [owner = '', repo = ''] = project.split('/');
  const at = { owner, repo };
  let quietUntil = 0;
  let me: Promise<string> | null = null;

  /** What a request brings; every fault as what is to be done about it. */
  async function ask<T>(what: string, request: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const wait = quietUntil - clock.now();
    if (wait > 0) throw retryable('place-busy', `GitHub asked to be left alone for ${seconds(wait)}`, wait);
    try {
      return await request(AbortSignal.timeout(ANSWER_MS));
    } catch (error) {
      throw faultOf(what, error);
    }
  }

  function faultOf(what: string, error: unknown): Error {
    const { status, headers, message } = answerOf(error);
    const asks = waitOf(status, headers, clock.now());
    if (asks !== null) {
      quietUntil = clock.now() + asks;
      return retryable('place-busy', `GitHub asks to wait ${seconds(asks)} (${what})`, asks, error);
    }
    if (status === null || status >= 500)
      return retryable('place-away', `GitHub did not answer (${what}): ${message}`, undefined, error);
    const scopes = headers['x-accepted-github-permissions'];
    const needs = scopes === undefined ? '' : `; it needs ${scopes}`;
    return terminal('place-refused', `GitHub answered ${status} (${what}): ${message}${needs}`, error);
  }

  /** The account whose token this is: a comment of somebody else with our mark is not ours. */
  const ownId = (): Promise<string> => {
    const asked =
      me ??
      ask('who we are', (signal) => octokit.request('GET /user', { request: { signal } })).then(
        ({ data }) => String(data.id),
        (error: unknown) => {
          me = null;
          throw error;
        },
      );
    me = asked;
    return asked;
  };

  const comment = ({ html_url: url, id }: { html_url: string; id: Id }): OutsideReference => ({
    ...{ kind: 'github-comment', url, id: String(id) },
  });

  async function ourComment(issue: number, mark: string): Promise<OutsideReference | null> {
    const mine = await ownId();
    for (let page = 1; page <= PAGES; page += 1) {
      const { data } = await ask('reading comments', (signal) =>
        octokit.request('GET /repos/{owner}/{repo}/issues/{issue_number}/comments', {
          ...{ ...at, issue_number: issue, per_page: PAGE, page, request: { signal } },
        }),
      );
      const found = data.find(
        ({ body, user }) => user !== null && String(user.id) === mine && body?.includes(mark),
      );
      if (found !== undefined) return comment(found);
      if (data.length < PAGE) break;
    }
    return null;
  }

  const read = async (issue: number) =>
    (
      await ask('reading the issue', (signal) =>
        octokit.request('GET /repos/{owner}/{repo}/issues/{issue_number}', {
          ...{ ...at, issue_number: issue, request: { signal } },
        }),
      )
    ).data;

  return {
    async rights() {
      const { data, headers } = await ask('reading the repository', (signal) =>
        octokit.request('GET /repos/{owner}/{repo}', { ...at, request: { signal } }),
      );
      const scopes = headers['x-oauth-scopes'];
      const classic = scopes === undefined || scopes === '' ? null : scopes.split(', ');
      const writes = data.permissions?.push === true;
      const right = (name: string, has: Right['has'], fix: string): Right => ({ right: name, has, fix });
      return [
        right('read the repository', 'yes', ''),
        right(
          'read issues',
          data.has_issues ? 'yes' : 'no',
          `turn issues on in the settings of ${project}, or file tickets elsewhere`,
        ),
        right(
          'write issues and pull requests',
          classic === null
            ? writes
              ? 'unknown'
              : 'no'
            : classic.includes('repo') || (classic.includes('public_repo') && !data.private)
              ? 'yes'
              : 'no',
          'give the token "Issues: read and write" and "Pull requests: read and write" (a classic token: the scope "repo")',
        ),
        right(
          'push branches',
          writes ? 'yes' : 'no',
          `give the token's account write access to ${project}, and the token "Contents: read and write"`,
        ),
      ];
    },

    async account(name) {
      const found = await ask('reading an account', (signal) =>
        octokit
          .request('GET /users/{username}', { username: name, request: { signal } })
          .catch((error: unknown) => {
            if (answerOf(error).status === 404) return null;
            throw error;
          }),
      );
      return found === null ? null : { id: String(found.data.id), name: found.data.login };
    },

    async labelled(label, etag) {
      const found = await ask('reading issues', (signal) =>
        octokit
          .request('GET /repos/{owner}/{repo}/issues', {
            ...{ ...at, labels: label, state: 'open', sort: 'updated', per_page: PAGE, request: { signal } },
            ...(etag === null ? {} : { headers: { 'if-none-match': etag } }),
          })
          .catch((error: unknown) => {
            if (answerOf(error).status === 304) return null;
            throw error;
          }),
      );
      if (found === null) return null;
      const issues = found.data.filter(({ pull_request }) => pull_request === undefined).map(issueOf);
      return { issues, etag: found.headers.etag ?? null };
    },

    async trigger(issue, label) {
      let last: { id: Id; by: { id: Id; login: string; type?: string }; at: string } | null = null;
      for (let page = 1; page <= PAGES; page += 1) {
        const { data } = await ask('reading who labelled the issue', (signal) =>
          octokit.request('GET /repos/{owner}/{repo}/issues/{issue_number}/events', {
            ...{ ...at, issue_number: issue, per_page: PAGE, page, request: { signal } },
          }),
        );
        for (const one of data)
          if (one.event === 'labeled' && 'label' in one && one.label.name === label && one.actor)
            last = { id: one.id, by: one.actor, at: one.created_at };
        if (data.length < PAGE) break;
      }
      if (last === null) return null;
      const { login, id, type } = last.by;
      // A bot has no word of its own: whoever set it going is not known.
      const mayWrite = type !== 'Bot' && (await mayPush(login, id));
      return {
        ...{ id: String(last.id), by: { id: String(id), name: login } },
        ...{ at: Date.parse(last.at), mayWrite },
      };
    },

    async say(issue, key, body, known) {
      const mark = marked(key);
      const text = `${body}\n\n${mark}`;
      const there = known ?? (await ourComment(issue, mark));
      const id = await ask('writing a comment', async (signal) => {
        if (there !== null) {
          await octokit.request('PATCH /repos/{owner}/{repo}/issues/comments/{comment_id}', {
            ...{ ...at, comment_id: BigInt(there.id), body: text, request: { signal } },
          });
          return BigInt(there.id);
        }
        const made = await octokit.request('POST /repos/{owner}/{repo}/issues/{issue_number}/comments', {
          ...{ ...at, issue_number: issue, body: text, request: { signal } },
        });
        return made.data.id;
      });
      const { data } = await ask('reading the comment back', (signal) =>
        octokit.request('GET /repos/{owner}/{repo}/issues/comments/{comment_id}', {
          ...{ ...at, comment_id: id, request: { signal } },
        }),
      );
      if (!data.body?.includes(mark))
        throw retryable('place-unsaid', `GitHub took comment ${data.id} and does not have it`);
      return comment(data);
    },

    async setOpen(issue, open) {
      const now = await read(issue);
      const reference = { kind: 'github-issue', url: now.html_url, id: String(issue) };
      if ((now.state === 'open') === open) return reference;
      await ask(open ? 'opening the issue' : 'closing the issue', (signal) =>
        octokit.request('PATCH /repos/{owner}/{repo}/issues/{issue_number}', {
          ...{ ...at, issue_number: issue, request: { signal } },
          ...(open
            ? { state: 'open' as const, state_reason: 'reopened' as const }
            : { state: 'closed' as const, state_reason: 'completed' as const }),
        }),
      );
      if (((await read(issue)).state === 'open') !== open)
        throw retryable('place-unsaid', `GitHub took the state of issue ${issue} and does not have it`);
      return reference;
    },

    async propose({ head, base, title, body }) {
      const { data } = await ask('looking for the pull request', (signal) =>
        octokit.request('GET /repos/{owner}/{repo}/pulls', {
          ...{ ...at, head: `${owner}:${head}`, state: 'all', per_page: PAGE, request: { signal } },
        }),
      );
      const there = data[0];
      if (there === undefined) {
        const made = await ask('opening the pull request', (signal) =>
          octokit.request('POST /repos/{owner}/{repo}/pulls', {
            ...{ ...at, head, base, title, body, request: { signal } },
          }),
        );
        return this.proposal(pull(made.data));
      }
      if (there.state === 'open' && (there.title !== title || there.body !== body))
        await ask('writing the pull request', (signal) =>
          octokit.request('PATCH /repos/{owner}/{repo}/pulls/{pull_number}', {
            ...{ ...at, pull_number: there.number, title, body, request: { signal } },
          }),
        );
      return this.proposal(pull(there));
    },

    async proposal({ id }) {
      const { data } = await ask('reading the pull request', (signal) =>
        octokit.request('GET /repos/{owner}/{repo}/pulls/{pull_number}', {
          ...{ ...at, pull_number: Number(id), request: { signal } },
        }),
      );
      const by = data.merged_by ?? null;
      return {
        reference: pull(data),
        state: data.merged ? 'merged' : data.state,
        by: by === null ? null : { id: String(by.id), name: by.login },
      } satisfies Proposal;
    },
  };

  async function mayPush(login: string, id: Id): Promise<boolean> {
    const found = await ask('reading what the account may', (signal) =>
      octokit
        .request('GET /repos/{owner}/{repo}/collaborators/{username}/permission', {
          ...{ ...at, username: login, request: { signal } },
        })
        .catch((error: unknown) => {
          if (answerOf(error).status === 404) return null;
          throw error;
        }),
    );
    // Renamed meanwhile, the name may be somebody else's by now.
    return (
      found !== null &&
      String(found.data.user?.id) === String(id) &&
      ['admin', 'write'].includes(found.data.permission)
    );
  }
}

/** Larger ones than a number holds come as bigints. */
type Id = number | bigint;

const pull = ({ html_url: url, number }: { html_url: string; number: number }): OutsideReference => ({
  ...{ kind: 'github-pull-request', url, id: String(number) },
});

const issueOf = (one: {
  number: number;
  title: string;
  body?: string | null;
  html_url: string;
  state: string;
  updated_at: string;
  labels: readonly (string | { name?: string })[];
}): Issue => ({
  ...{ number: one.number, title: one.title, body: one.body ?? '', url: one.html_url },
  ...{ open: one.state === 'open', changed: one.updated_at },
  labels: one.labels.map((label) => (typeof label === 'string' ? label : (label.name ?? ''))),
});

const seconds = (ms: number): string => `${Math.ceil(ms / 1_000)} s`;

type Headers = Readonly<Record<string, string | undefined>>;

/** Of what the client throws: an answer that is not well, or none at all (status null). */
function answerOf(error: unknown): { status: number | null; headers: Headers; message: string } {
  const message = error instanceof Error ? error.message : String(error);
  if (!(error instanceof Error) || !('status' in error) || !('response' in error))
    return { status: null, headers: {}, message };
  const { status, response } = error as { status: number; response?: { headers?: Headers } };
  // Without a response it is the client's own word for a connection that failed.
  return response === undefined
    ? { status: null, headers: {}, message }
    : { status, headers: response.headers ?? {}, message };
}

/** How long GitHub asks to wait; null where it does not. Both limits come as 403 or as 429. */
export function waitOf(status: number | null, headers: Headers, now: number): number | null {
  if (status !== 403 && status !== 429) return null;
  const after = Number(headers['retry-after']);
  if (headers['retry-after'] !== undefined && after >= 0) return after * 1_000;
  if (headers['x-ratelimit-remaining'] === '0')
    return Math.max(1_000, Number(headers['x-ratelimit-reset'] ?? 0) * 1_000 - now);
  return status === 429 ? WAIT_MS : null;
}
