import type { OpenTrail } from '@millwright/audit';
import type { Clock, Ids, TicketInfo } from '@millwright/domain';
import {
  type Actor,
  type EntryOf,
  type GitSha,
  maskDeep,
  putJson,
  RepoConfig,
  type RepoName,
  type Run,
  type RunId,
  retryable,
  runStream,
  stepFor,
  Ticket,
  type TicketEntry,
  type TicketId,
  type TicketState,
  terminal,
  ticketStream,
} from '@millwright/domain';
import type { Store } from '@millwright/store';
import type { Settings } from '../settings.ts';
import { parseMillwrightYaml } from '../source-control/millwright-yaml.ts';
import type { Repositories } from '../source-control/repositories.ts';
import type { Fetched, Repository } from '../source-control/repository.ts';
import { ORCHESTRATOR } from '../streams/actor.ts';
import type { KnownSecrets } from '../streams/known-secrets.ts';
import { act } from '../streams/run-stream.ts';
import type { Streams } from '../streams/streams.ts';

type Ports = {
  clock: Clock;
  ids: Ids;
  knownSecrets: KnownSecrets;
  repositories: Repositories;
  settings: Settings;
  store: Store;
  streams: Streams;
  trail: OpenTrail;
};

/** What filing a ticket has just learned of its repository is not asked again for its run. Milliseconds. */
const FILED_MS = 1_000;

/** Where a repository stands and what its own file says, or what a person must mend first. */
export type Standing =
  | { kind: 'ready'; base: { commit: GitSha; tree: GitSha }; config: RepoConfig }
  | {
      kind: 'unready';
      code: 'bad-config' | `repo-${Extract<Fetched, { kind: 'failed' }>['code']}`;
      message: string;
      retry: boolean;
    };

export async function standingOf(repo: Repository, sinceMs = 0): Promise<Standing> {
  const base = await repo.fetch(sinceMs);
  if ('kind' in base)
    return {
      kind: 'unready',
      code: `repo-${base.code}`,
      message: `${repo.url}: ${base.reason}`,
      retry: base.code === 'unreachable',
    };
  const file = await repo.file(base.tree, 'millwright.yaml', 65_536);
  if (file.kind === 'odd') return { kind: 'unready', code: 'bad-config', message: file.reason, retry: false };
  const parsed = parseMillwrightYaml(file.kind === 'file' ? file.text : null);
  return parsed.kind === 'config'
    ? { kind: 'ready', base, config: parsed.config }
    : { kind: 'unready', code: 'bad-config', message: parsed.message, retry: false };
}

/** Files a ticket, with what `also` says of it in the same append. The same `key` again, for the same repository, is the same ticket. */
export async function fileTicket(
  factory: Ports,
  author: Actor,
  repo: RepoName,
  ticket: Ticket,
  key: string | null,
  also: (ticket: TicketId) => TicketEntry[] = () => [],
  follows?: RunId,
): Promise<{ id: TicketId; position: number; again: boolean }> {
  const mine = factory.ids.next('tkt') as TicketId;
  const id =
    key === null ? mine : ((await factory.store.idempotency.claim(`ticket/${repo}`, key, mine)) as TicketId);
  // What the factory knows as secret is in no ticket that anybody reads, an agent least of all.
  const { mask } = await factory.knownSecrets.now();
  const digest = await putJson(factory.store.artifacts, Ticket, maskDeep(ticket, mask) as Ticket);
  const appended = await factory.streams.append(ticketStream(id), author, ({ state }) =>
    state.kind === 'none'
      ? [
          {
            type: 'ticket.filed',
            data: { ticket: id, repo, digest, kind: ticket.kind, key, ...(follows && { follows }) },
          },
          ...also(id),
        ]
      : null,
  );
  if (appended.kind === 'rejected') throw terminal(appended.code, appended.reason);
  const again = appended.kind === 'unchanged';
  return { id, position: again ? await factory.trail.head() : appended.position, again };
}

/** A ticket's runs have ids that follow from its own, so that opening one twice is a conflict and not two runs. */
const runIdOf = (ticket: TicketId, nth: number): RunId =>
  `run_${ticket.slice(4)}${nth.toString(36).padStart(2, '0')}` as RunId;

/** `last`: its newest run, where that is there. Opens the run that an open ticket waits for, or goes on opening the one that a crash left half open. */
export async function openRun(
  factory: Ports,
  ticket: TicketInfo,
  last: Run | undefined,
): Promise<RunId | null> {
  const pending = ticket.runs.at(-1);
  const half = ticket.state === 'running' && pending !== undefined && last === undefined;
  if (ticket.state !== 'open' && !half) return null;
  // An incident's first answer may be a rollback, whose revert its run begins with.
  if (ticket.incident?.answered === false) return null;
  const run = half && pending ? pending : runIdOf(ticket.id, ticket.runs.length + 1);
  const repo = await factory.repositories.open(ticket.repo);
  const standing = await standingOf(repo, FILED_MS);
  if (standing.kind === 'unready' && standing.retry) throw retryable(standing.code, standing.message);
  if (ticket.state === 'open') {
    // Its id follows from how many there were: another one was opened since, where there are more by now.
    const announced = await say(factory, ticket, (now) =>
      now.runs.length === ticket.runs.length
        ? { type: 'ticket.run-opened', data: { ticket: ticket.id, run } }
        : null,
    );
    if (!announced) return null;
  }
  if (standing.kind === 'unready') {
    await say(factory, ticket, () => ({
      type: 'ticket.closed',
      data: { ticket: ticket.id, run, end: 'failed', reason: standing.message },
    }));
    return null;
  }
  const { base, config } = standing;
  const { added, autonomy } = await factory.streams.repository(ticket.repo).look();
  // What its planner will see is made beside the start gate: 27 ms that the stage would else wait for, and asks for again where this fails.
  void repo.source([base.tree], base.commit, factory.store.artifacts);
  const data: EntryOf<'run.opened'>['data'] = {
    run,
    ticket: ticket.id,
    repo: ticket.repo,
    author: ticket.author,
    ticketDigest: ticket.digest,
    config: await putJson(factory.store.artifacts, RepoConfig, config),
    base,
    deploys: config.deploy !== undefined && added?.deliver !== 'branch',
    step: stepFor(autonomy, [ticket.kind]),
    expiresAt: factory.clock.now() + factory.settings.runMs,
    limits: factory.settings.limits,
  };
  await factory.streams.append(runStream(run), ORCHESTRATOR, ({ state }) =>
    state.kind === 'none' ? { type: 'run.opened', data } : null,
  );
  return run;
}

/** What the factory says of a ticket, as long as that may be said: it is drawn from what was seen a moment ago. True where it was said. */
async function say(
  { streams }: Ports,
  { id }: TicketInfo,
  what: (now: Extract<TicketState, { kind: 'ticket' }>) => TicketEntry | null,
): Promise<boolean> {
  const done = await streams.append(ticketStream(id), ORCHESTRATOR, ({ state }) =>
    state.kind === 'none' ? null : what(state),
  );
  return done.kind === 'appended';
}

/** Lets a run go on from where it was. The rejection says why not. */
export const resumeRun = (factory: Ports, id: RunId, actor: Actor, reason: string) =>
  act(factory, id, actor, () => ({
    type: 'run.resumed',
    data: { expiresAt: factory.clock.now() + factory.settings.runMs, reason: reason.slice(0, 4_000) },
  }));

/** A ticket whose last run was let go on is worked on again. */
export async function rejoinTicket(factory: Ports, ticket: TicketInfo, run: Run | undefined): Promise<void> {
  if (run?.closed !== null || !['closed', 'reopened'].includes(ticket.state)) return;
  await say(factory, ticket, () => ({ type: 'ticket.run-opened', data: { ticket: ticket.id, run: run.id } }));
}

/** Draws a closed run into its ticket: done or closed, or open again with the evidence where it was rolled back. */
export async function settleTicket(factory: Ports, ticket: TicketInfo, run: Run): Promise<void> {
  if (!run.closed || ticket.state !== 'running' || ticket.runs.at(-1) !== run.id) return;
  const { end, reason } = run.closed;
  await say(factory, ticket, () =>
    end === 'rolled_back'
      ? {
          type: 'ticket.reopened',
          data: {
            ticket: ticket.id,
            run: run.id,
            evidence: run.deploy?.kind === 'finished' ? run.deploy.evidence : reason,
          },
        }
      : { type: 'ticket.closed', data: { ticket: ticket.id, run: run.id, end, reason } },
  );
}
