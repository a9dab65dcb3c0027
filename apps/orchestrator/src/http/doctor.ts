import type { Act, DoctorLine } from '@millwright/api';
import type { OpenTrail, Sealer } from '@millwright/audit';
import { type Clock, labelsOf, type RepoName, VERSION } from '@millwright/domain';
import type { ReadModel } from '@millwright/read-model';
import type { Secrets, Store } from '@millwright/store';
import { waitingForPeople } from '../intake/next-actor.ts';
import { labelsOfRepo, setupOf } from '../intake/setup.ts';
import type { Repositories } from '../source-control/repositories.ts';
import { ModelNote, NO_MODEL_KEY, unaskedRoles } from '../source-control/setup-troubles.ts';
import { type Forward, reasonOf } from '../streams/forward.ts';
import { type Runners, takesWork } from '../streams/runners.ts';
import { witnessLines } from '../streams/witnesses.ts';
import type { Views } from '../views/views.ts';
import { namesOf } from './names.ts';
import { ANOTHER_VERSION, NO_RUNNER, noTaker } from './runners.ts';

type Ports = {
  clock: Clock;
  disk: () => Promise<{ free: number; of: number }>;
  forward: Forward;
  modelKey: boolean | null;
  readModel: ReadModel;
  repositories: Repositories;
  runners: Runners;
  sealer: Sealer;
  secrets: Secrets;
  store: Store;
  trail: OpenTrail;
  views: Views;
};

/** An entry this old that no checkpoint covers is no matter of moments. Milliseconds. */
const SEAL_LATE_MS = 5_000;

const RESTART = { hint: 'restart the factory: npm start', acts: [] };

/** What the runners found out about their models and their key; nothing where no runner has said anything yet. */
async function modelLines({ store }: Ports): Promise<DoctorLine[]> {
  const notes = [...(await store.notes.list('model/')), ...(await store.notes.list('model-setting/'))];
  const lines = notes.flatMap(({ key, text }): DoctorLine[] => {
    const { ok, roles, detail } = ModelNote.parse(JSON.parse(text));
    if (ok && roles.length === 0) return [];
    const model = key.slice(key.indexOf('/') + 1);
    const acts: Act[] = key.startsWith('model/')
      ? [{ act: 'add-model', model, to: 'where it has no price here' }]
      : [];
    return [
      {
        id: `model ${model}`,
        ok,
        text: `for ${roles.join(', ')}: ${detail}`.slice(0, 1_000),
        fix: ok ? null : { hint: 'set what is named there for the factory, and start it again', acts },
      },
    ];
  });
  // What asking in earnest found is in no check.
  const unasked = (await unaskedRoles(store)).map(({ text, fix }) => ({
    id: 'models',
    ok: false,
    text,
    fix,
  }));
  return [...lines, ...unasked];
}

/** Less than this is soon none: a bundle and its pack alone may be as much. Bytes. */
const LITTLE = 256 * 1024 ** 2;
const gib = (bytes: number): string => `${(bytes / 1024 ** 3).toFixed(1)} GiB`;

/** What is stored, and what there is left for it here. */
async function diskLine({ disk, store }: Ports): Promise<DoctorLine> {
  const [{ free, of }, { database, artifacts }] = await Promise.all([disk(), store.size()]);
  const ok = free >= LITTLE;
  return {
    id: 'storage',
    ok,
    text: `${gib(free)} of ${gib(of)} are free where the data folder lies; the database has ${gib(database)}, ${gib(artifacts)} of it artifacts`,
    fix: ok
      ? null
      : {
          hint: 'free some of that disk; large artifacts can lie elsewhere (MILLWRIGHT_ARTIFACTS)',
          acts: [],
        },
  };
}

/** Whether somebody takes work, and what no runner that is there can do. */
async function runnerLines(factory: Ports): Promise<DoctorLine[]> {
  const runners = await factory.runners.look();
  const text = 'no runner is there: nothing is planned, made or tested';
  if (runners.length === 0) return [{ id: 'runners', ok: false, text, fix: NO_RUNNER }];
  const none = !runners.some(takesWork);
  const lines = runners.map(({ name, version, concurrency, drain, labels }): DoctorLine => {
    const id = `runner ${name}`;
    if (version !== VERSION)
      return {
        id,
        ok: false,
        text: `is of version ${version}, and this factory of ${VERSION}: it is given nothing`,
        fix: ANOTHER_VERSION,
      };
    if (drain === null) {
      const has = labels.length === 0 ? '' : `, has ${labels.join(', ')}`;
      return { id, ok: true, text: `takes ${concurrency} at a time, version ${version}${has}`, fix: null };
    }
    return {
      id,
      ok: !none,
      text: `is drained: ${drain.reason}${none ? '; nobody takes work' : ''}`,
      fix: none ? { acts: [{ act: 'resume', scope: drain.scope }] } : null,
    };
  });
  for (const { repo } of factory.views.open.repos.values()) {
    const labels = await labelsOfRepo(factory, repo);
    if (
      labels.length === 0 ||
      runners.some((one) => takesWork(one) && labels.every((label) => labelsOf(one).has(label)))
    )
      continue;
    const { text, next } = noTaker(runners, labels);
    lines.push({ id: `repo ${repo}`, ok: false, text: `no runner takes its work: ${text}`, fix: next });
  }
  return lines;
}

/** What the running factory can see of itself; a line a check, with what mends it. What needs no factory is checked by the CLI. */
export async function doctor(factory: Ports): Promise<DoctorLine[]> {
  const lines: DoctorLine[] = [];
  const check = async (
    id: string,
    good: string,
    fix: NonNullable<DoctorLine['fix']>,
    look: () => Promise<unknown>,
  ): Promise<void> => {
    const trouble = await look().then(
      () => null,
      (error: unknown) => (error instanceof Error ? error.message : String(error)),
    );
    lines.push({ id, ok: trouble === null, text: trouble ?? good, fix: trouble === null ? null : fix });
  };
  await check(
    'trail',
    `the trail is readable, ${factory.views.position} ${factory.views.position === 1 ? 'entry' : 'entries'}`,
    RESTART,
    () => factory.trail.head(),
  );
  await check(
    'seal',
    'what is decided is sealed within a second',
    { hint: 'see the reason', acts: [{ act: 'verify-trail' }] },
    async () => {
      const state = factory.sealer.state();
      const sealed = (await factory.sealer.latest())?.size ?? 0;
      const [first] = await factory.trail.readAll(sealed, 1);
      const late = first !== undefined && factory.clock.now() - first.envelope.at > SEAL_LATE_MS;
      if (state.kind === 'refusing' || state.kind === 'stopped' || late)
        throw new Error(
          `nothing is sealed since entry ${sealed}, so nothing ships: ${'reason' in state ? state.reason : state.kind}`,
        );
    },
  );
  const { seen, quorum } = await factory.sealer.witnesses().catch(() => ({ seen: [], quorum: 0 })); // the line above says it
  lines.push(...witnessLines(seen, quorum, factory.clock.now()));
  await check('store', 'the store answers', RESTART, () => factory.store.ping());
  await diskLine(factory).then(
    (line) => lines.push(line),
    (error: unknown) =>
      lines.push({
        id: 'storage',
        ok: false,
        text: `what is left cannot be told: ${String(error)}`,
        fix: RESTART,
      }),
  );
  // One that is set may still be refused: the runners say that below.
  if (factory.modelKey === false)
    lines.push({ id: 'model', ok: false, text: NO_MODEL_KEY.text, fix: NO_MODEL_KEY.fix });
  for (const { repo, url } of factory.views.open.repos.values()) {
    await check(
      `repo ${repo}`,
      `${url} can be read`,
      { hint: `check that ${url} is there and readable`, acts: [] },
      async () => {
        const at = await (await factory.repositories.open(repo)).fetch();
        if ('kind' in at) throw new Error(at.reason);
      },
    );
    lines.push(...(await setupLines(factory, repo)));
  }
  await runnerLines(factory).then(
    (found) => lines.push(...found),
    (error: unknown) =>
      lines.push({
        id: 'runners',
        ok: false,
        text: `what the runners say of themselves cannot be read: ${error instanceof Error ? error.message : String(error)}`,
        fix: RESTART,
      }),
  );
  await modelLines(factory).then(
    (found) => lines.push(...found),
    (error: unknown) =>
      lines.push({
        id: 'models',
        ok: false,
        text: `what the runners say of their models cannot be read: ${error instanceof Error ? error.message : String(error)}`,
        fix: RESTART,
      }),
  );
  const names = await namesOf(factory).catch(() => new Map<string, string>()); // the store has a line of its own
  const all = await factory.forward.halts().catch(() => []); // the first line says that the trail cannot be read
  const halts = all.filter(({ scope }) => scope.kind !== 'runner');
  lines.push({
    id: 'halt',
    ok: halts.length === 0,
    text:
      halts.length === 0
        ? 'not halted'
        : halts.map((halt) => reasonOf({ kind: 'halted', halt }, (by) => names.get(by) ?? by)).join('; '),
    fix: halts[0] === undefined ? null : { acts: [{ act: 'resume', scope: halts[0].scope }] },
  });
  const waiting = waitingForPeople(factory.views.open, factory.clock.now());
  lines.push({
    id: 'people',
    ok: true,
    text:
      waiting.length === 0
        ? 'no ticket waits for a person'
        : `${waiting.length} ${waiting.length === 1 ? 'ticket waits' : 'tickets wait'} for a person: ${waiting
            .slice(0, 5)
            .map(({ ticket, who, text }) => `${ticket} for the ${who}: ${text}`)
            .join('; ')}`,
    fix: null,
  });
  const parked = [
    ...factory.views.parked,
    // What cannot be asked is said by the lines above.
    ...(await factory.readModel.parked().catch(() => [])),
  ];
  lines.push({
    id: 'entries',
    ok: parked.length === 0,
    text:
      parked.length === 0
        ? 'every entry is in what is read'
        : `${parked.length} ${parked.length === 1 ? 'entry is' : 'entries are'} missing from what is read: ${parked
            .slice(0, 5)
            .map(({ position, type, reason }) => `${position} (${type}): ${reason}`)
            .join('; ')}`,
    fix:
      parked[0] === undefined
        ? null
        : {
            acts: [
              { act: 'show-trail', since: parked[0].position - 1 },
              { act: 'rebuild-views', to: 'then, and restart the factory' },
            ],
          },
  });
  return lines;
}

/** What cannot work in a repository, a line each; what only may not is a line that is in order. */
async function setupLines(factory: Ports, name: RepoName): Promise<DoctorLine[]> {
  const { troubles } = await setupOf(factory, name);
  return troubles
    .filter((one) => !SAID.has(one.code))
    .map(({ text, fix, blocks }) => ({ id: `repo ${name}`, ok: !blocks, text, fix: blocks ? fix : null }));
}

/** Troubles that have a line of their own. */
const SAID = new Set(['no-model-key', 'no-model', 'repo-unreadable', 'repo-unreachable']);
