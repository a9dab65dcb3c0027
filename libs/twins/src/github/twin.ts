import { createHmac } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';

// GitHub as a local server: as much of its REST interface as the factory uses, with what people and machines do there. Its official client works
// against it unchanged. Shapes: https://docs.github.com/rest, api version 2022-11-28.

export type User = {
  id: number;
  login: string;
  type: 'User' | 'Bot';
  permission: 'admin' | 'write' | 'read' | 'none';
};
type Comment = { id: number; user: User; body: string };
type Event = {
  id: number;
  event: 'labeled' | 'unlabeled' | 'closed' | 'reopened';
  actor: User;
  label?: string;
  at: string;
};
type Issue = {
  number: number;
  title: string;
  body: string;
  user: User;
  state: 'open' | 'closed';
  labels: string[];
  comments: Comment[];
  events: Event[];
  changed: number;
};
type Pull = {
  number: number;
  title: string;
  body: string;
  head: string;
  base: string;
  state: 'open' | 'closed';
  mergedBy: User | null;
};

/** What goes wrong with one request. `lost`: it is done, and its answer is not heard of. `unheard`: it is not done. */
export type Fault =
  | { kind: 'status'; status: number; headers?: Record<string, string> }
  | { kind: 'lost' }
  | { kind: 'unheard' };

export type GitHubTwin = Awaited<ReturnType<typeof startGitHub>>;

/** @param project `owner/name`. `fault`: asked before each request is served. */
export async function startGitHub(
  project: string,
  { fault = () => null }: { fault?: (method: string, path: string) => Fault | null } = {},
) {
  const bot: User = { id: 7, login: 'factory', type: 'User', permission: 'write' };
  const users = new Map<string, User>([[bot.login, bot]]);
  const issues = new Map<number, Issue>();
  const pulls = new Map<number, Pull>();
  const requests: string[] = [];
  let tokens = new Set(['twin-token']);
  let last = 0;
  const next = () => {
    last += 1;
    return last;
  };
  // As a clock that moves with what happens: what changed later has the later time.
  const at = (tick: number) => new Date(Date.UTC(2026, 0, 1) + tick * 1_000).toISOString();
  const touch = (issue: Issue) => {
    issue.changed = next();
  };

  const userJson = ({ id, login, type }: User) => ({
    ...{ id, login, type, node_id: `U_${id}`, site_admin: false, url: `${api()}/users/${login}` },
    html_url: `${web()}/${login}`,
  });
  const issueJson = (one: Issue) => ({
    ...{ id: one.number, node_id: `I_${one.number}`, number: one.number, title: one.title, body: one.body },
    ...{ state: one.state, locked: false, user: userJson(one.user), comments: one.comments.length },
    labels: one.labels.map((name) => ({ id: 1, name, color: 'ededed', default: false })),
    ...{
      created_at: at(one.number),
      updated_at: at(one.changed),
      closed_at: null,
      assignee: null,
      milestone: null,
    },
    url: `${api()}/repos/${project}/issues/${one.number}`,
    html_url: `${web()}/${project}/issues/${one.number}`,
  });
  const commentJson = (issue: Issue, one: Comment) => ({
    ...{ id: one.id, node_id: `C_${one.id}`, body: one.body, user: userJson(one.user) },
    ...{ created_at: at(one.id), updated_at: at(one.id), author_association: 'COLLABORATOR' },
    url: `${api()}/repos/${project}/issues/comments/${one.id}`,
    html_url: `${web()}/${project}/issues/${issue.number}#issuecomment-${one.id}`,
    issue_url: `${api()}/repos/${project}/issues/${issue.number}`,
  });
  const pullJson = (one: Pull) => ({
    ...{ id: one.number, node_id: `P_${one.number}`, number: one.number, title: one.title, body: one.body },
    ...{ state: one.state, locked: false, draft: false, user: userJson(bot) },
    ...{ merged: one.mergedBy !== null, merged_by: one.mergedBy && userJson(one.mergedBy) },
    head: { ref: one.head, label: `${project.split('/')[0]}:${one.head}` },
    base: { ref: one.base },
    url: `${api()}/repos/${project}/pulls/${one.number}`,
    html_url: `${web()}/${project}/pull/${one.number}`,
  });

  const server = createServer((request, response) => void serve(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const web = () => `http://127.0.0.1:${port}`;
  const api = () => `${web()}/api/v3`;

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const { method = 'GET' } = request;
    const url = new URL(request.url ?? '/', web());
    const path = url.pathname.replace(/^\/api\/v3/, '');
    requests.push(`${method} ${path}`);
    const wrong = fault(method, path);
    const answer = (status: number, body?: unknown, headers: Record<string, string> = {}) => {
      response.writeHead(status, { 'content-type': 'application/json; charset=utf-8', ...headers });
      response.end(body === undefined ? '' : JSON.stringify(body));
    };
    if (wrong?.kind === 'unheard') return void request.socket.destroy();
    if (wrong?.kind === 'status') return answer(wrong.status, { message: 'as told' }, wrong.headers);
    if (!tokens.has(request.headers.authorization?.replace(/^(token|Bearer) /i, '') ?? ''))
      return answer(401, { message: 'Bad credentials' });
    const body = chunks.length === 0 ? {} : JSON.parse(Buffer.concat(chunks).toString('utf8'));
    const found = route(method, path, url.searchParams, body);
    if (wrong?.kind === 'lost') return void request.socket.destroy();
    if (found === null) return answer(404, { message: 'Not Found' });
    const [status, json] = found;
    const text = JSON.stringify(json);
    // Weak, of the whole answer: what is the same has the same.
    const etag = `W/"${createHmac('sha256', 'etag').update(text).digest('hex')}"`;
    if (method === 'GET' && request.headers['if-none-match'] === etag)
      return answer(304, undefined, { etag });
    answer(status, json, { etag });
  }

  type Found = readonly [status: number, json: unknown] | null;

  function route(method: string, path: string, query: URLSearchParams, body: Record<string, string>): Found {
    const page = <T>(all: readonly T[]): readonly T[] => {
      const per = Number(query.get('per_page') ?? 30);
      return all.slice((Number(query.get('page') ?? 1) - 1) * per).slice(0, per);
    };
    if (method === 'GET' && path === '/user') return [200, userJson(bot)];
    const named = /^\/users\/([^/]+)$/.exec(path)?.[1];
    const one = named === undefined ? undefined : users.get(decodeURIComponent(named));
    if (method === 'GET' && one !== undefined) return [200, userJson(one)];
    const base = `/repos/${project}`;
    if (path !== base && !path.startsWith(`${base}/`)) return null;
    const parts = path.slice(base.length + 1).split('/');
    const [what = '', id = '', sub] = parts;
    const asked = `${method} ${parts.map((part) => (/^\d+$/.test(part) ? ':n' : part)).join('/')}`;
    const issue = issues.get(Number(id));
    const pull = pulls.get(Number(id));
    switch (asked) {
      case 'GET ':
        return [
          200,
          {
            ...{ id: 1, name: project.split('/')[1], full_name: project, private: false, has_issues: true },
            permissions: { admin: false, push: bot.permission === 'write', pull: true },
          },
        ];
      case 'GET issues':
        return [
          200,
          page(
            [...issues.values()]
              .filter(
                ({ state, labels }) =>
                  state === query.get('state') && labels.includes(query.get('labels') ?? ''),
              )
              .sort((a, b) => b.changed - a.changed)
              .map(issueJson),
          ),
        ];
      case 'GET issues/:n':
        return issue === undefined ? null : [200, issueJson(issue)];
      case 'PATCH issues/:n': {
        if (issue === undefined) return null;
        setState(issue, body.state === 'open' ? 'open' : 'closed', bot);
        return [200, issueJson(issue)];
      }
      case 'GET issues/:n/events':
        return issue === undefined
          ? null
          : [
              200,
              page(
                issue.events.map(({ id, event, actor, label, at }) => ({
                  ...{ id, event, node_id: `E_${id}`, actor: userJson(actor), created_at: at },
                  ...(label === undefined ? {} : { label: { name: label, color: 'ededed' } }),
                })),
              ),
            ];
      case 'GET issues/:n/comments':
        return issue === undefined ? null : [200, page(issue.comments.map((one) => commentJson(issue, one)))];
      case 'POST issues/:n/comments': {
        if (issue === undefined) return null;
        return [201, commentJson(issue, addComment(issue, bot, body.body ?? ''))];
      }
      case 'GET issues/comments/:n':
      case 'PATCH issues/comments/:n': {
        for (const one of issues.values()) {
          const comment = one.comments.find((each) => each.id === Number(sub));
          if (comment === undefined) continue;
          if (method === 'PATCH') {
            comment.body = body.body ?? '';
            touch(one);
          }
          return [200, commentJson(one, comment)];
        }
        return null;
      }
      case 'GET pulls':
        return [
          200,
          page(
            [...pulls.values()].filter(({ head }) => query.get('head')?.endsWith(`:${head}`)).map(pullJson),
          ),
        ];
      case 'POST pulls': {
        if ([...pulls.values()].some(({ head, state }) => head === body.head && state === 'open'))
          return [
            422,
            { message: 'Validation Failed', errors: [{ message: 'A pull request already exists' }] },
          ];
        const { title = '', body: text = '', head = '', base: onto = '' } = body;
        const made: Pull = {
          number: next(),
          title,
          body: text,
          head,
          base: onto,
          state: 'open',
          mergedBy: null,
        };
        pulls.set(made.number, made);
        return [201, pullJson(made)];
      }
      case 'GET pulls/:n':
        return pull === undefined ? null : [200, pullJson(pull)];
      case 'PATCH pulls/:n': {
        if (pull === undefined) return null;
        pull.title = body.title ?? pull.title;
        pull.body = body.body ?? pull.body;
        return [200, pullJson(pull)];
      }
      default: {
        const user = users.get(id);
        if (what === 'collaborators' && sub === undefined) return null;
        return what === 'collaborators' && sub === 'permission' && user !== undefined
          ? [200, { permission: user.permission, role_name: user.permission, user: userJson(user) }]
          : null;
      }
    }
  }

  function addComment(issue: Issue, user: User, text: string): Comment {
    const made = { id: next(), user, body: text };
    issue.comments.push(made);
    touch(issue);
    return made;
  }

  function setState(issue: Issue, state: Issue['state'], actor: User): void {
    if (issue.state !== state) {
      const id = next();
      issue.events.push({ id, event: state === 'open' ? 'reopened' : 'closed', actor, at: at(id) });
    }
    issue.state = state;
    touch(issue);
  }

  const userOf = (login: string, permission: User['permission'] = 'write', type: User['type'] = 'User') => {
    const known = users.get(login) ?? { id: 1_000 + users.size, login, type, permission };
    users.set(login, known);
    return known;
  };
  const known = (number: number): Issue => {
    const issue = issues.get(number);
    if (issue === undefined) throw new Error(`there is no issue ${number}`);
    return issue;
  };

  return {
    api: api(),
    bot,
    issues,
    pulls,
    /** Every request that was made, `GET /repos/…`. */
    requests,
    user: userOf,
    /** What a person does there. */
    open(by: string, title: string, body = '', labels: string[] = []): number {
      const number = next();
      const user = userOf(by);
      issues.set(number, {
        ...{
          number,
          title,
          body,
          user,
          state: 'open',
          labels: [],
          comments: [],
          events: [],
          changed: number,
        },
      });
      for (const label of labels) this.label(by, number, label);
      return number;
    },
    label(by: string, number: number, label: string): void {
      const issue = known(number);
      issue.labels = [...new Set([...issue.labels, label])];
      const id = next();
      issue.events.push({ id, event: 'labeled', actor: userOf(by), label, at: at(id) });
      touch(issue);
    },
    comment: (by: string, number: number, text: string) => addComment(known(number), userOf(by), text),
    merge(by: string, number: number): void {
      const pull = pulls.get(number);
      if (pull === undefined) throw new Error(`there is no pull request ${number}`);
      pull.state = 'closed';
      pull.mergedBy = userOf(by);
    },
    revoke(): void {
      tokens = new Set();
    },
    /** A delivery as GitHub signs it: its body, and its headers. */
    signed(secret: string, event: string, payload: object) {
      const body = JSON.stringify(payload);
      const signature = `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`;
      return {
        body,
        headers: {
          'content-type': 'application/json',
          'x-github-event': event,
          'x-github-delivery': `00000000-0000-4000-8000-${String(next()).padStart(12, '0')}`,
          'x-hub-signature-256': signature,
        },
      };
    },
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
