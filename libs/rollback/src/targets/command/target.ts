import { createHash } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Artifacts, Clock, ReleaseId, RepoName } from '@millwright/domain';
import { messageOf } from '../../message-of.ts';
import { type Done, done, type Failure, failure } from '../../outcome.ts';
import { withLock } from '../lock.ts';
import { Fenced, type ReleaseRef, type RunConfig, type Target } from '../target.ts';
import { isRoot, userOf } from '../users.ts';
import { type CommandRecord, readRecord, writeRecord } from './record.ts';
import { type Ran, runCommand, type User } from './run.ts';
import { type CommandStatus, parseStatus } from './status.ts';

/** Where a `command` target lives. `run` holds the commands, and the one credential they get, of the repository's present file. */
export type CommandPlace = {
  readonly factory: string;
  readonly repo: RepoName;
  /** The factory's data folder; the target's part is `targets/<repo>`. */
  readonly dataDir: string;
  readonly run: RunConfig;
  readonly artifacts: Pick<Artifacts, 'get'>;
  readonly clock: Clock;
  /** Limits in milliseconds. */
  readonly limits?: Partial<typeof LIMITS>;
};

const LIMITS = { deploy: 600_000, activate: 120_000, rollback: 120_000, stop: 60_000, status: 15_000 };
type Verb = keyof typeof LIMITS;
const STATUS_TRIES = 3;

/**
 * The `command` target: the repository's own commands bring a release there (`deploy`, its layer on stdin), give it all traffic (`activate`),
 * say what serves (`status`), take traffic back to a release that served before (`rollback`), and stop one (`stop`, optional). Each must be
 * idempotent. The release is `$MILLWRIGHT_RELEASE`, and `{release}` in an argument.
 */
export function commandTarget(place: CommandPlace): Target {
  const folder = join(place.dataDir, 'targets', place.repo);
  const path = join(folder, 'command.json');
  const { config, secrets } = place.run;
  const limits = { ...LIMITS, ...place.limits };
  /** Users of the target's own where the factory is root, else the factory's. */
  const user = (purpose: 'command' | 'smoke'): User | null =>
    isRoot() ? { uid: userOf(place, purpose), gid: userOf(place, purpose) } : null;
  const said = new Map<ReleaseId, string>();
  let asking: Promise<CommandStatus> | null = null;
  let figured = false;

  const locked = <T>(work: () => Promise<T>) => withLock(join(folder, 'lock'), place.clock, work);

  const run = async (verb: Verb, release: ReleaseRef | null, input?: Uint8Array): Promise<Ran> => {
    const argv = config.commands?.[verb];
    if (argv === undefined)
      return { kind: 'broken', reason: `millwright.yaml has no deploy.commands.${verb}`, stderr: '' };
    const credential = config.secrets.slice(0, 1).map((name) => [name, secrets[name] ?? ''] as const);
    const about =
      release === null
        ? {}
        : {
            MILLWRIGHT_RELEASE: release.id,
            MILLWRIGHT_LAYER: release.layer,
            MILLWRIGHT_IMAGE: release.image,
          };
    const env = { ...config.env, ...about, MILLWRIGHT_TARGET: place.repo, ...Object.fromEntries(credential) };
    const filled = argv.map((each) => each.replaceAll('{release}', release?.id ?? ''));
    const ran = await runCommand(filled, { env, user: user('command'), timeoutMs: limits[verb], input });
    if (release !== null) {
      const ended = ran.kind === 'exited' ? `exit code ${ran.code}\n${ran.stdout}` : ran.reason;
      said.set(release.id, `${verb}: ${ended}\n${ran.stderr}`.slice(-16_000));
    }
    return ran;
  };

  const askStatus = async (): Promise<CommandStatus> => {
    let why = '';
    for (let tries = 0; tries < STATUS_TRIES; tries += 1) {
      const ran = await run('status', null);
      const status = ran.kind === 'exited' && ran.code === 0 ? parseStatus(ran.stdout) : null;
      if (status !== null && typeof status !== 'string') {
        figured = status.releases.some((each) => each.figures !== null);
        return status;
      }
      why =
        status ?? (ran.kind === 'exited' ? `exit code ${ran.code}: ${ran.stderr.slice(-500)}` : ran.reason);
      await place.clock.sleep(50);
    }
    throw new Error(`the status command of ${place.repo} does not tell: ${why}`);
  };
  /** Those who ask at the same moment share one answer. */
  const status = (): Promise<CommandStatus> => {
    asking ??= askStatus().finally(() => {
      asking = null;
    });
    return asking;
  };

  const succeeded = (verb: Verb, release: ReleaseId, ran: Ran): Done | Failure => {
    if (ran.kind === 'exited' && ran.code === 0) return done;
    const why =
      ran.kind === 'exited'
        ? `exit code ${ran.code}: ${(ran.stderr || ran.stdout).slice(-1_000)}`
        : ran.reason;
    return failure('command_failed', `the ${verb} command failed for ${release}: ${why}`);
  };

  const change = (fence: number, edit: (record: CommandRecord) => Promise<CommandRecord | Failure>) =>
    locked(async (): Promise<Done | Failure> => {
      const record = await readRecord(path);
      if (record.fence > fence) throw new Fenced(record.fence);
      const next = await edit(record);
      if ('kind' in next) return next;
      await writeRecord(path, next);
      return done;
    });

  const layerOf = async (release: ReleaseRef): Promise<Uint8Array | Failure> => {
    try {
      const bytes = await place.artifacts.get(release.layer);
      const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
      if (digest === release.layer) return bytes;
      return failure(
        'digest_mismatch',
        `release ${release.id} is ${release.layer}, but its bytes are ${digest}: not deployed`,
      );
    } catch (error) {
      return failure(
        'digest_mismatch',
        `the layer of ${release.id} cannot be read as ${release.layer}: ${messageOf(error)}`,
      );
    }
  };

  const bring = async (release: ReleaseRef): Promise<Done | Failure> => {
    const bytes = await layerOf(release);
    if ('kind' in bytes) return bytes;
    return succeeded('deploy', release.id, await run('deploy', release, bytes));
  };

  const stop = async (release: ReleaseId, fence: number): Promise<void> => {
    const change_ = await change(fence, async (record) => {
      const known = record.known.find((each) => each.id === release);
      if (config.commands?.stop === undefined || known === undefined) return record;
      const stopped = succeeded('stop', release, await run('stop', known));
      return stopped.kind === 'failed'
        ? stopped
        : { ...record, known: record.known.filter((each) => each !== known) };
    });
    if (change_.kind === 'failed') throw new Error(change_.reason);
  };

  return {
    name: place.repo,
    weighted: false,
    get measures() {
      return figured;
    },
    cannotGoBack: ({ config: { commands } }) =>
      commands?.rollback === undefined
        ? `target ${place.repo} has no deploy.commands.rollback: it cannot go back, and is not deployed to unattended`
        : null,

    fence: (fence, began = fence) =>
      locked(async () => {
        const record = await readRecord(path);
        if (record.fence > fence) return { kind: 'fenced', by: record.fence };
        if (record.fence < fence) {
          const condemned = record.fence < began ? null : record.condemned;
          await writeRecord(path, { ...record, fence, condemned });
        }
        return { kind: 'taken' };
      }),

    ensureProxy: async () => done,

    async available(release) {
      const bytes = await layerOf(release);
      return 'kind' in bytes ? bytes : done;
    },
    async materialise(release) {
      const bytes = await layerOf(release);
      return 'kind' in bytes ? bytes : done;
    },

    async start(release) {
      await locked(async () => {
        const record = await readRecord(path);
        const known = [...record.known.filter((each) => each.id !== release.id), release].slice(-50);
        await writeRecord(path, {
          ...record,
          known: known.map(({ id, layer, image }) => ({ id, layer, image })),
        });
      });
      const now = (await status()).releases.find((each) => each.id === release.id);
      return now?.running && now.healthy ? done : bring(release);
    },

    async probe(release) {
      const start = place.clock.now();
      const found = (await status()).releases.filter((each) => each.id === release);
      const ms = place.clock.now() - start;
      const text = (healthy: boolean) => `status says ${healthy ? 'healthy' : 'not healthy'}`;
      return found.map(({ id, healthy }) => ({ replica: id, ok: healthy, ms, text: text(healthy) }));
    },

    shift: (weights, fence, condemn) =>
      change(fence, async (record) => {
        const next = { ...record, condemned: condemn ?? record.condemned };
        const [first] = [...weights].filter(([, percent]) => percent > 0).sort((a, b) => b[1] - a[1]);
        // Durable before traffic moves: killed in between, it goes on going back.
        if (condemn !== undefined) await writeRecord(path, next);
        if (first === undefined) return next;
        const [to] = first;
        const served = [...record.served.filter((id) => id !== to), to].slice(-50);
        if ((await status()).serving === to) return { ...next, served };
        const known = record.known.find((each) => each.id === to);
        if (known === undefined)
          return failure('release_missing', `release ${to} was never brought to ${place.repo}`);
        const back = config.commands?.rollback !== undefined && record.served.includes(to);
        const verb = back ? 'rollback' : 'activate';
        const ran = succeeded(verb, to, await run(verb, known));
        if (ran.kind === 'failed') return ran;
        const { serving } = await status();
        if (serving !== to)
          return failure(
            'command_failed',
            `after the ${verb} command ${serving ?? 'nobody'} serves, not ${to}`,
          );
        return { ...next, served };
      }),

    async counters() {
      try {
        const { releases } = await status();
        const told = releases.flatMap(({ id, figures }) =>
          figures === null ? [] : [[id, { ...figures, sessions: 0 }] as const],
        );
        return told.length === 0 ? null : new Map(told);
      } catch {
        // Missing data is an answer of its own.
        return null;
      }
    },

    requests: () => null,

    async ask(release, asked) {
      if (asked !== null)
        throw new Error(`a path of ${release} cannot be asked on a command target: give the whole address`);
      const start = place.clock.now();
      const found = (await status()).releases.find((each) => each.id === release);
      const text = found === undefined ? 'status does not know it' : `status says healthy: ${found.healthy}`;
      return { ok: found?.healthy === true, ms: place.clock.now() - start, text };
    },

    // Beside the commands, without their credential; it is given no file of the release, which agents wrote.
    async smoke(release, command, timeoutMs, signal) {
      const env = { ...config.env, MILLWRIGHT_RELEASE: release, MILLWRIGHT_TARGET: place.repo };
      const ran = await runCommand(['sh', '-c', command], { env, user: user('smoke'), timeoutMs, signal });
      return ran.kind === 'broken'
        ? null
        : { exitCode: ran.code, output: `${ran.stdout}\n${ran.stderr}`.slice(-16_000) };
    },

    async state() {
      const [record, now] = await Promise.all([readRecord(path), status()]);
      const { fence, condemned } = record;
      const releases = now.releases.map(({ id, running, restarts }) => ({
        id,
        layer: record.known.find((each) => each.id === id)?.layer ?? '',
        replicas: [
          {
            name: id,
            container: id,
            running,
            genuine: true,
            restarts,
            exitCode: null,
            address: null,
            weight: now.serving === id ? 256 : 0,
          },
        ],
      }));
      const serving = new Map(now.serving === null ? [] : [[now.serving, 100] as const]);
      return { fence, condemned, proxy: 'up', releases, serving };
    },

    async restart(release, fence) {
      const record = await readRecord(path);
      if (record.fence > fence) throw new Fenced(record.fence);
      const known = record.known.find((each) => each.id === release);
      if (known !== undefined) await bring(known);
    },

    async logs(release, maxBytes) {
      const now = (await status()).releases.find((each) => each.id === release);
      return `${said.get(release) ?? ''}\n${now?.log ?? ''}`.slice(-maxBytes);
    },

    stop,

    async retire(keep, _retention, fence) {
      for (const { id } of (await status()).releases) if (!keep.includes(id)) await stop(id, fence);
    },

    async remove(data) {
      const { fence, known } = await readRecord(path);
      for (const { id } of known) await stop(id, fence);
      if (data) await rm(folder, { recursive: true, force: true });
    },
  };
}
