import type { Act } from '@millwright/api';
import type { Clock, ReleaseId, RepoName } from '@millwright/domain';
import type { Stuck } from '@millwright/rollback';
import type { Logger } from 'pino';
import type { Register } from '../streams/register.ts';
import type { Streams } from '../streams/streams.ts';
import type { Deployments } from './deployments.ts';
import type { Page, Pager } from './pager.ts';

type Ports = { clock: Clock; deployments: Deployments; log: Logger; pager: Pager };

/** What a person does about a target that the factory could not bring back. */
export const unstick = (repo: RepoName): Act[] => [
  { act: 'show-targets', to: 'to see what runs' },
  { act: 'roll-back', repo, to: 'to go back once more' },
  { act: 'thaw-target', repo, to: 'when it serves' },
];

/** Going back failed: nothing goes forward on this target until a person thaws it, and a person is called meanwhile. */
export async function freezeStuck(
  factory: Ports,
  repo: RepoName,
  release: ReleaseId | null,
  { why, what }: Stuck,
): Promise<void> {
  const data = { by: 'factory' as const, release, reason: why.slice(0, 4_000), what: what.slice(0, 4_000) };
  await factory.deployments.note(repo, { type: 'target.frozen', data });
  callSomebody(factory, {
    kind: 'rollback-failed',
    repo,
    release,
    why: data.reason,
    what: data.what,
    acts: unstick(repo),
    at: factory.clock.now(),
  });
}

/** At start: the calls that a killed factory still owes. */
export async function callWhoIsOwed(
  factory: Ports & { register: Register; streams: Streams },
): Promise<void> {
  for (const repo of (await factory.register.look()).repositories()) {
    const { frozen } = await factory.streams.target(repo).look();
    if (frozen?.by === 'factory' && frozen.paged === null)
      callSomebody(factory, {
        kind: 'rollback-failed',
        repo,
        release: frozen.release,
        why: frozen.reason,
        what: frozen.what,
        acts: unstick(repo),
        at: frozen.at,
      });
  }
}

/** Nothing waits for a person's telephone: how the call went is recorded when it is known. */
function callSomebody(factory: Ports, page: Page): void {
  const call = async () => {
    const paged = await factory.pager(page);
    factory.log[paged.result === 'sent' ? 'warn' : 'error'](
      { ...page, paged },
      'going back failed: the target is frozen',
    );
    await factory.deployments.note(page.repo, {
      type: 'target.paged',
      data: { result: paged.result, reason: paged.reason.slice(0, 4_000) },
    });
  };
  call().catch((error: unknown) =>
    factory.log.error({ repo: page.repo, err: error }, 'that somebody was called could not be recorded'),
  );
}
