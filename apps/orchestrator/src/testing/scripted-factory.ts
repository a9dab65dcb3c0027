import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { BASE, callsBy, Problem, ROUTES, type Route } from '@millwright/api';
import type { Clock, Ids, PersonId, RepoName } from '@millwright/domain';
import type { Target } from '@millwright/rollback';
import { hashToken } from '@millwright/store';
import type { TestDatabase } from '@millwright/store/testing';
import { pino } from 'pino';
import { compose } from '../compose.ts';
import type { Page } from '../releases/pager.ts';
import type { Settings } from '../settings.ts';
import { type Script, scriptedRunner } from './scripted-runner.ts';

const clock: Clock = {
  now: () => Date.now(),
  sleep: (ms, signal) => sleep(ms, undefined, signal ? { signal } : {}),
};
const ids: Ids = {
  next: (prefix) => `${prefix}_${Date.now().toString(36)}${randomBytes(6).toString('hex')}`,
};
/** For a target in memory, which has nothing to wait for: a canary's looks, 150 ms apart, come ten times as soon. */
export const hasty: Clock = { ...clock, sleep: (ms, signal) => clock.sleep(ms / 10, signal) };
export const ADMIN_TOKEN = 'admin-token-of-the-tests';

export type ScriptedFactory = Awaited<ReturnType<typeof scriptedFactory>>;

/** The orchestrator in this process, on real Postgres, real git and the real queue, with a scripted runner. `files` is the repository `shop`. */
export async function scriptedFactory(
  db: TestDatabase,
  files: Record<string, string>,
  script: Script,
  settings: Partial<Settings> = {},
  target?: Target,
  targetClock: Clock = clock,
) {
  const root = mkdtempSync(join(tmpdir(), 'millwright-orchestrator-'));
  const remote = gitRemote(root, files);
  const paged: Page[] = [];
  const orchestrator = await compose({
    // One a database: what is started again on it is the same factory.
    factory: `fac_${new URL(db.url.orchestrator).pathname.slice(1)}`,
    origin: 'millwright.local/fac_test',
    dataDir: root,
    databaseUrl: db.url.orchestrator,
    queueUrl: db.url.orchestrator,
    redactorUrl: db.url.redactor,
    adminTokenHash: hashToken(ADMIN_TOKEN),
    proxyImage: 'none',
    settings,
    pager: async (page) => {
      paged.push(page);
      return { result: 'sent', reason: 'to the test' };
    },
    clock,
    ids,
    log: pino({ level: process.env.MILLWRIGHT_LOG_LEVEL ?? 'silent' }),
    ...(target ? { target: { make: () => target, clock: targetClock } } : {}),
  });
  await orchestrator.start();
  const { factory, driver, app, offlineJournal } = orchestrator;
  const runner = await scriptedRunner({
    runnerUrl: db.url.runner,
    store: factory.store,
    queue: factory.queue,
    clock,
    script,
    repository: () => factory.repositories.open('shop' as RepoName),
  });
  /** `url` is below the API's base. What comes back has to be what the route table says. */
  const api = async (
    method: 'GET' | 'POST',
    url: string,
    body?: object,
    token: string | null = ADMIN_TOKEN,
    headers: Record<string, string> = {},
  ) => {
    const reply = await app.inject({
      method,
      url: BASE + url,
      ...(body ? { payload: body } : {}),
      headers: { ...(token ? { authorization: `Bearer ${token}` } : {}), ...headers },
    });
    const answer = {
      status: reply.statusCode,
      link: reply.headers.link?.toString() ?? null,
      body: /^application\/(problem\+)?json/.test(String(reply.headers['content-type']))
        ? reply.json()
        : reply.body,
    };
    if (answer.status >= 400) Problem.parse(answer.body);
    else if (typeof answer.body === 'object') routeOf(method, url)?.response?.parse(answer.body);
    return answer;
  };
  const { call, all } = callsBy(
    async ({ method, path, headers, body }) => {
      const answer = await api(method, path.slice(BASE.length), body as object, ADMIN_TOKEN, headers);
      if (answer.status >= 400) throw new Error(`${method} ${path}: ${JSON.stringify(answer.body)}`);
      return answer;
    },
    (why) => new Error(why),
  );
  const until = async <T>(
    what: string,
    look: () => Promise<T | undefined | false | null> | T | undefined | false | null,
    minutes = 5,
  ): Promise<T> => {
    for (const end = Date.now() + minutes * 60_000; Date.now() < end; ) {
      const seen = await look();
      if (seen) return seen;
      // A look is two requests with their queries: every 20 ms, the looking took from what is looked at.
      await clock.sleep(100);
    }
    throw new Error(`waited ${minutes} minutes for ${what}`);
  };
  return {
    root,
    remote,
    offlineJournal,
    /** Who was called, and why. */
    paged,
    factory,
    driver,
    api,
    /** As the administrator, by the name of a route. */
    call,
    all,
    app,
    runner,
    /** Invited, and their invitation accepted. */
    enrol: async (name: string, ...roles: string[]) => {
      const { code } = (await api('POST', '/people/invitations', { name, roles })).body;
      return (await api('POST', '/people/acceptance', { code }, null)).body as {
        id: PersonId;
        token: string;
      };
    },
    /** Waits, five minutes at most unless told, until `look` gives something. */
    until,
    /** Allows whatever gate waits, as this person, until `ended` is there; with the actions that were allowed. */
    allowing: async <T>(token: string, ended: Promise<T>): Promise<{ end: T; gates: string[] }> => {
      const gates = new Set<string>();
      let end: { value: T } | null = null;
      void ended.then((value) => {
        end = { value };
      });
      const { value } = await until('the end of what is allowed', async () => {
        for (const { id, action } of (await api('GET', '/gates')).body)
          if ((await api('POST', `/gates/${id}/approve`, { reason: 'yes' }, token)).status === 200)
            gates.add(action);
        return end;
      });
      return { end: value, gates: [...gates] };
    },
    async stop() {
      await runner.stop();
      await orchestrator.stop();
      rmSync(root, { recursive: true, force: true });
    },
  };
}

const routeOf = (method: string, url: string): Route | undefined =>
  Object.values(ROUTES).find(
    (route) =>
      route.method === method &&
      new RegExp(`^${route.path.replace(/:\\w+/g, '[^/]+')}$`).test(url.split('?')[0] ?? ''),
  );

export const git = (cwd: string, ...args: string[]): string =>
  execFileSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@localhost', ...args], {
    cwd,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  }).trim();

export function gitRemote(root: string, files: Record<string, string>): string {
  const [remote, work] = [join(root, 'shop.git'), join(root, 'work')];
  git(root, 'init', '-q', '--bare', '-b', 'main', remote);
  git(root, 'init', '-q', '-b', 'main', work);
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(work, path)), { recursive: true });
    writeFileSync(join(work, path), text);
  }
  git(work, 'add', '-A');
  git(work, 'commit', '-qm', 'first');
  git(work, 'push', '-q', remote, 'main');
  return remote;
}
