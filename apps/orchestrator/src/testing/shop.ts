import type { ReleaseId, RepoName, TicketKind } from '@millwright/domain';
import { type MemoryTarget, memoryTarget } from '@millwright/rollback/testing';
import type { TestDatabase } from '@millwright/store/testing';
import { expect } from 'vitest';
import { paceBy, type QuickCanaries } from './paced-clock.ts';
import { ADMIN_TOKEN, git, hasty, type ScriptedFactory, scriptedFactory } from './scripted-factory.ts';
import type { Script } from './scripted-runner.ts';
import { shopFiles, shopRelease } from './shop-release.ts';

export type Shop = ScriptedFactory & {
  target: MemoryTarget;
  /** Files a ticket whose run changes `files`, and waits for its end. */
  ship(files: Record<string, string>, kind?: TicketKind): Promise<RunSeen>;
  file(files: Record<string, string>, kind?: TicketKind, title?: string, token?: string): Promise<string>;
  /** What runs change from now on, whoever files their tickets. */
  makes(files: Record<string, string>): void;
  ended(ticket: string, nth?: number): Promise<RunSeen>;
  live(): ReleaseId | null;
  trail(): Promise<{ type: string; stream: string; position: number; data: Record<string, unknown> }[]>;
  main(): string[];
};
export type RunSeen = {
  id: string;
  state: string;
  reason: string;
  release: ReleaseId;
  gates: { id: string; action: string; state: string; decision: string; reason: string }[];
};

/**
 * A repository `shop` that is deployed to a target in memory, at autonomy step `step`. With a `canary` of its own its time is real, but for
 * `quick` ones. `more`: lines of its `deploy`.
 */
export async function shop(
  db: TestDatabase,
  step = 6,
  settings = {},
  canary?: { steps: number[]; bake: string },
  more: readonly string[] = [],
  quick?: QuickCanaries,
): Promise<Shop> {
  const target = memoryTarget();
  if (quick) paceBy(target, quick);
  let next: Record<string, string> = {};
  const script: Script = { implement: () => next, release: shopRelease };
  const factory = await scriptedFactory(
    db,
    shopFiles(canary ?? { steps: [100], bake: '1ms' }, more),
    script,
    settings,
    target,
    quick?.clock ?? (canary ? undefined : hasty),
  );
  expect((await factory.api('POST', '/repos', { url: factory.remote, name: 'shop' })).status).toBe(201);
  await factory.api('POST', '/repos/shop/autonomy', { step, reason: 'first step' });
  const ended = (ticket: string, nth = 1) =>
    factory.until(`the end of run ${nth} of ${ticket}`, async () => {
      // A factory whose database is away refuses for as long: asked again.
      const run = (await factory.api('GET', `/tickets/${ticket}`)).body.runs?.[nth - 1];
      const view = run && (await factory.api('GET', `/runs/${run}`)).body;
      return view?.endedAt ? (view as RunSeen) : null;
    });
  const file = async (
    files: Record<string, string>,
    kind: TicketKind = 'feature',
    title = `Change ${Object.keys(files).join(' ')}`,
    token = ADMIN_TOKEN,
  ) => {
    next = files;
    const markdown = `# ${title}\n\nplease`;
    return (await factory.api('POST', '/tickets', { repo: 'shop', markdown, kind }, token)).body.id as string;
  };
  return {
    ...factory,
    target,
    file,
    makes: (files) => {
      next = files;
    },
    ended,
    ship: async (files, kind) => ended(await file(files, kind)),
    live: () => factory.factory.views.open.target('shop' as RepoName).live,
    /** The newest thousand lines, in order. */
    trail: async () => (await factory.api('GET', '/trail?limit=1000&order=newest')).body.toReversed(),
    main: () => git(factory.root, '--git-dir', factory.remote, 'log', '--format=%s', 'main').split('\n'),
  };
}
