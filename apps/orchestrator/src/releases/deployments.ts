import type { ReleaseHealth } from '@millwright/api';
import {
  type Actor,
  type Artifacts,
  type Canary,
  type Clock,
  candidates,
  type DeployConfig,
  type Digest,
  getJson,
  type Instant,
  previousGood,
  Release,
  type ReleaseId,
  RepoConfig,
  type RepoName,
  type TargetEntry,
  terminal,
} from '@millwright/domain';
import {
  type DeployOrder,
  type DeployResult,
  type Desired,
  deploy,
  differs,
  discard,
  Hold,
  type PrepareResult,
  prepareRelease,
  type Reconciled,
  type Rehearsal,
  type ReleaseRef,
  type RollbackResult,
  type RunConfig,
  reconcile,
  rehearse,
  rollback,
  type Steering,
  type Target,
} from '@millwright/rollback';
import type { Secrets } from '@millwright/store';
import type { Register, RunBrief } from '../streams/register.ts';
import type { Streams } from '../streams/streams.ts';
import type { OfflineJournal } from './offline-journal.ts';
import { SHIFTS, TargetJournal } from './target-journal.ts';
import type { Targets } from './targets.ts';

type Deps = {
  targets: Targets;
  artifacts: Artifacts;
  secrets: Secrets;
  streams: Streams;
  register: Register;
  /** Resolves when people who read have what is at this position. */
  shown: (position: number) => Promise<void>;
  clock: Clock;
  /** Where going back is journaled while the trail cannot be written. */
  offlineJournal: OfflineJournal;
  /** Resolves when this orchestrator is known to have the factory still: asked before each effect that goes forward. */
  confirm: () => Promise<void>;
};

export type DeployOptions = Pick<DeployOrder, 'attended' | 'beforePromotion' | 'signal'>;

/** A deploy at work in this process, for people to steer. */
export class CanaryUnderWay {
  readonly release: ReleaseId;
  readonly fence: number;
  readonly #takenBack = new AbortController();
  #pausedUntil: Instant | null;
  #skips = 0;

  /** `pausedUntil`: what a person had said before this process brought it out. */
  constructor(release: ReleaseId, fence: number, pausedUntil: Instant | null = null) {
    this.release = release;
    this.fence = fence;
    this.#pausedUntil = pausedUntil;
  }

  get signal(): AbortSignal {
    return this.#takenBack.signal;
  }

  /** Traffic goes back at once, and the release is given up. */
  takeBack(reason: string): void {
    this.#takenBack.abort(new Error(reason));
  }

  get pausedUntil(): Instant | null {
    return this.#pausedUntil;
  }

  pause(until: Instant | null): void {
    this.#pausedUntil = until;
  }

  /** Its step ends now; a release that degrades goes back all the same. */
  promote(): void {
    this.#pausedUntil = null;
    this.#skips += 1;
  }

  steering(clock: Clock): Steering {
    return {
      paused: () => this.#pausedUntil !== null && this.#pausedUntil > clock.now(),
      skips: () => {
        if (this.#skips === 0) return false;
        this.#skips -= 1;
        return true;
      },
    };
  }
}

type Known = { ref: ReleaseRef; run: RunConfig; artifact: Digest };

/** How long the store may take before what was read of a release earlier is used. Milliseconds. */
const STORE_MS = 250;

/** Whoever watches a canary waits so long for its proxy's figures. Milliseconds. */
const FIGURES_MS = 250;

type Tally = { requests: number; errors: number };
export type CanaryFigures = { new: Tally; old: Tally | null };

/** Releases of this factory on their targets: what the trail says, carried out by libs/rollback. */
export class Deployments {
  readonly #deps: Deps;
  readonly #last = new Map<ReleaseId, Known>();
  readonly #canaries = new Map<RepoName, CanaryUnderWay>();
  /** The fence that this process last brought something out under. */
  readonly #own = new Map<RepoName, number>();

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  /** The target that a release run like `run` lives on; a `command` target's commands are those of `run`. */
  target(repo: RepoName, run: RunConfig): Target {
    return this.#deps.targets.of(repo, run);
  }

  /** Null, or why a repository whose file says this could not go back from its releases, so that people must stand by. */
  cannotGoBack(repo: RepoName, config: DeployConfig): string | null {
    const run = { config, secrets: {}, replicas: 1 };
    return config.target === 'git' ? null : this.target(repo, run).cannotGoBack(run);
  }

  /**
   * `began`: the fence that the deploy was begun under; the same again goes on with it, under a higher one where another process had it at
   * work, whose acts that are on their way still come too late then. `attended`: two people allowed it, knowing that it cannot go back. `signal` aborted by a `Hold`
   * takes its traffic away and leaves it to be begun anew; by anything else takes it back for good.
   */
  async deploy(
    repo: RepoName,
    id: ReleaseId,
    began: number,
    { attended = false, signal, beforePromotion }: DeployOptions = {},
  ): Promise<DeployResult> {
    const {
      target,
      journal,
      artifact,
      live,
      canary: known,
      highest,
      moved,
      order,
    } = await this.#order(repo, id, began);
    if (moved !== null && !attended) return { ...failedFor(moved), release: id, live };
    const { clock } = this.#deps;
    const { steps, bake } = order.run.config.canary;
    const pausedUntil = known?.release === id ? (known.paused?.until ?? null) : null;
    const goesOn = known?.release === id && known.began === began ? known : null;
    const anothers = goesOn !== null && goesOn.fence !== this.#own.get(repo);
    // Recorded as live already, nothing is left of it but to say so.
    const fence = anothers ? highest + 1 : live === id ? highest : (goesOn?.fence ?? began);
    if (anothers)
      await journal.note({ type: 'canary.resumed', data: { release: id, fence: goesOn.fence, as: fence } });
    this.#own.set(repo, fence);
    const canary = new CanaryUnderWay(id, fence, pausedUntil);
    const begun = goesOn !== null && goesOn.held === null;
    if (live !== id && !begun && !signal?.aborted)
      await journal.append({ type: 'canary.started', data: { release: id, live, fence, steps, bake } });
    this.#canaries.set(repo, canary);
    const result = await deploy(target, {
      ...order,
      fence,
      began,
      ...(beforePromotion ? { beforePromotion } : {}),
      attended,
      signal: signal ? AbortSignal.any([canary.signal, signal]) : canary.signal,
      steering: canary.steering(clock),
      seen: (judged) => journal.judged(id, fence, judged),
      shifted: async (percent) => {
        await journal.append({ type: 'canary.shifted', data: { release: id, fence, percent } });
      },
    }).finally(() => this.#canaries.delete(repo));
    // Fenced by whoever has the factory now, it is not this process that says how the deploy ended.
    if (result.kind === 'fenced') await this.#deps.confirm();
    if (result.kind === 'promoted' && live !== id)
      await journal.released(id, result.previous, fence, 'deploy', artifact, 'promoted');
    if (result.kind !== 'promoted') {
      const ends = { rolled_back: 'taken_back', failed: 'failed', held: 'held', fenced: 'fenced' } as const;
      const reason = result.kind === 'fenced' ? 'a later deploy or rollback has the target' : result.reason;
      const data = { release: id, fence, end: ends[result.kind], live, reason: reason.slice(0, 4_000) };
      await journal.note({ type: 'canary.ended', data });
    }
    return result;
  }

  /** The canary that this process brings out and watches now. */
  canary(repo: RepoName): CanaryUnderWay | null {
    return this.#canaries.get(repo) ?? null;
  }

  /** Back for good, whoever had it at work before, and whatever is halted or frozen. */
  takeBack(
    repo: RepoName,
    { release, began }: Pick<Canary, 'release' | 'began'>,
    reason: string,
  ): Promise<DeployResult> {
    return this.deploy(repo, release, began, {
      signal: AbortSignal.abort(new Error(reason)),
      attended: true,
    });
  }

  /** What a factory that died had on its way to serve loses its traffic, until its deploy is gone on with. */
  holdBack(repo: RepoName, { release, began }: Canary, reason: string): Promise<DeployResult> {
    return this.deploy(repo, release, began, { signal: AbortSignal.abort(new Hold(reason)), attended: true });
  }

  /**
   * The release runs beside the live one, without traffic, and goes forth and back. It is left running: `deploy` goes on with it. Where its
   * target cannot go back at all, nothing is started.
   */
  async rehearse(
    repo: RepoName,
    id: ReleaseId,
    fence: number,
    { signal, secrets }: { signal: AbortSignal; secrets: boolean },
  ): Promise<
    | { kind: 'rehearsed'; rehearsal: Rehearsal; to: ReleaseId | null }
    | Exclude<PrepareResult, { kind: 'prepared' }>
  > {
    const { target, moved, live, order: full } = await this.#order(repo, id, fence);
    const order = { ...full, signal, run: secrets ? full.run : withoutValues(full.run) };
    const cannot = moved ?? target.cannotGoBack(order.run);
    if (cannot !== null)
      return { kind: 'rehearsed', rehearsal: { possible: false, reason: cannot, fault: 'undo' }, to: live };
    const prepared = await prepareRelease(target, order);
    if (prepared.kind !== 'prepared') return prepared;
    return { kind: 'rehearsed', rehearsal: await rehearse(target, order), to: live };
  }

  /** Stops what `rehearse` left running of a release that does not go out. A release that serves is left alone. */
  async discard(repo: RepoName, id: ReleaseId, fence: number): Promise<void> {
    const { target, order } = await this.#order(repo, id, fence);
    await discard(target, order);
  }

  async #order(repo: RepoName, id: ReleaseId, fence: number) {
    const { streams, clock, offlineJournal } = this.#deps;
    if (offlineJournal.pending()) await this.importOfflineJournal();
    const { live, canary, fence: highest } = await streams.target(repo).look();
    const journal = this.journal(repo);
    const wanted = await this.#known(id);
    const before = live === null ? null : await this.#known(live);
    const moved =
      before !== null && before.run.config.target !== wanted.run.config.target
        ? movedTarget(repo, before.run, wanted.run)
        : null;
    const order: DeployOrder = {
      release: wanted.ref,
      run: wanted.run,
      live: moved === null ? (before?.ref ?? null) : null,
      fence,
      journal,
      clock,
    };
    const target = this.target(repo, wanted.run);
    return { target, journal, artifact: wanted.artifact, live, canary, highest, moved, order };
  }

  async rollback(repo: RepoName, to: ReleaseId, fence: number, reason: string): Promise<RollbackResult> {
    const { streams, clock, offlineJournal } = this.#deps;
    // Nothing here waits for the trail: it may be what is away. What was gone back to meanwhile is newer than what the trail says.
    const journal = this.journal(repo, SHIFTS);
    const wanted = await this.#known(to);
    const { canary, live } = streams.target(repo).known.state;
    const from = offlineJournal.live(repo) ?? live;
    const left = from === null ? null : await this.#known(from);
    // The commands that brought the present release there are those that take it back.
    const by = left?.run.config.target === wanted.run.config.target ? left.run : wanted.run;
    const result = await rollback(this.target(repo, by), {
      to: wanted.ref,
      run: wanted.run,
      fence,
      journal,
      clock,
    });
    // Its deploy, wherever it was at work, finds its fence taken.
    if (result.kind === 'switched' && canary !== null) {
      const { release, fence: its } = canary;
      const data = {
        release,
        fence: its,
        end: 'taken_back' as const,
        live: to,
        reason: reason.slice(0, 4_000),
      };
      await journal.note({ type: 'canary.ended', data });
    }
    // What is live already is only given back its traffic: the target's history says nothing new.
    if (result.kind === 'switched' && to !== from)
      await journal.released(to, from, fence, 'rollback', wanted.artifact, reason);
    return result;
  }

  /** At start: every target that has a live release gets its proxy back, with its weights. Null, or why it could not be. */
  async ensure(repo: RepoName): Promise<string | null> {
    const target = await this.#deps.streams.target(repo).look();
    const { live } = target;
    if (live === null) return null;
    const { run } = await this.#known(live);
    // Read now, so that going back needs no store.
    const before = previousGood(target);
    if (before !== null) await this.#known(before);
    const failure = await this.target(repo, run).ensureProxy(run);
    return failure.kind === 'failed' ? failure.reason : null;
  }

  /** Beside the target, for going back while nothing else can be read: what serves, and what a rollback may go to. */
  async keepRollbackCache(repo: RepoName): Promise<void> {
    const { live, history } = await this.#deps.streams.target(repo).look();
    if (live === null) return;
    const known = await Promise.all(
      [live, ...candidates({ live, history }).slice(0, 5)].map((id) => this.#known(id)),
    );
    const releases = known.map(({ ref, run, artifact }) => ({ ref, artifact, config: run.config }));
    await this.#deps.targets.keepCache({ repo, releases });
  }

  /** At start: removes what stands on this engine of targets that the trail does not know. */
  async reap(): Promise<void> {
    const { targets, register } = this.#deps;
    await targets.reap((await register.look()).repositories());
  }

  /** What the trail says should serve, and how; null while nothing does. */
  async desired(repo: RepoName): Promise<Desired | null> {
    const { live, fence } = await this.#deps.streams.target(repo).look();
    // What lies beside the trail is newer than what the trail says: healing would bring back what was just left.
    if (live === null || this.#deps.offlineJournal.pending(repo)) return null;
    const { ref, run } = await this.#known(live);
    return { release: ref, run, fence };
  }

  /** What runs on a target that has a live release, and that the trail never had serving there. Changes nothing. */
  async unknown(repo: RepoName): Promise<ReleaseId[]> {
    const { live, history } = await this.#deps.streams.target(repo).look();
    if (live === null) return [];
    const { run } = await this.#known(live);
    const served = new Set([live, ...history.map(({ release }) => release)]);
    const { releases } = await this.target(repo, run).state();
    return releases
      .filter(({ id, replicas }) => !served.has(id) && replicas.some(({ running }) => running))
      .map(({ id }) => id);
  }

  /** Whether what serves is not as the trail has it. Changes nothing. */
  async differs(repo: RepoName): Promise<boolean> {
    const desired = await this.desired(repo);
    return desired !== null && (await differs(this.target(repo, desired.run), desired, this.#deps.clock));
  }

  /** One turn of healing, with the back-off that the trail's tries ask for. In the deploy lease: nobody else changes the target. */
  async heal(repo: RepoName, signal: AbortSignal): Promise<Reconciled | null> {
    const { clock, streams } = this.#deps;
    const desired = await this.desired(repo);
    if (desired === null) return null;
    const target = this.target(repo, desired.run);
    const memory = { tried: (await streams.target(repo).look()).heals };
    const turn = (fence: number) => reconcile(target, { ...desired, fence }, memory, { clock, signal });
    const healed = await turn(desired.fence);
    // A fence that was taken for something that then did nothing is on no entry. Whoever took it is not at work: the lease is ours.
    return healed.kind === 'fenced' ? turn(healed.by) : healed;
  }

  /** What the proxy counted of what serves, and the rate of errors that its file allows; null where there are no figures. */
  async figures(repo: RepoName): Promise<{ requests: number; errors: number; errorRate: number } | null> {
    const desired = await this.desired(repo);
    if (desired === null) return null;
    const counted = (await this.target(repo, desired.run).counters())?.get(desired.release.id);
    return counted === undefined
      ? null
      : { ...counted, errorRate: desired.run.config.rollbackWhen.errorRate };
  }

  /** What the proxy has counted of a release in canary and of the one that serves beside it; null where it cannot say, or not in time. */
  async canaryFigures(repo: RepoName, id: ReleaseId): Promise<CanaryFigures | null> {
    const { run } = await this.#known(id);
    const late = new Promise<null>((resolve) => setTimeout(resolve, FIGURES_MS, null).unref());
    const asked = this.target(repo, run)
      .counters()
      .catch(() => null); // an engine that is away has no figures: that is what is shown
    const counted = await Promise.race([asked, late]);
    const fresh = counted?.get(id);
    if (counted === null || fresh === undefined) return null;
    const { live } = await this.#deps.streams.target(repo).look();
    const old = live === null || live === id ? undefined : counted.get(live);
    const tally = ({ requests, errors }: { requests: number; errors: number }) => ({ requests, errors });
    return { new: tally(fresh), old: old === undefined ? null : tally(old) };
  }

  /** What can be seen of what serves, for a ticket; secrets' values replaced. What cannot be had is left out. */
  async evidence(repo: RepoName, maxBytes: number): Promise<{ figures: string | null; log: string }> {
    const desired = await this.desired(repo);
    if (desired === null) return { figures: null, log: '' };
    const target = this.target(repo, desired.run);
    const log = await target.logs(desired.release.id, maxBytes).catch(() => '');
    const counted = (await target.counters().catch(() => null))?.get(desired.release.id);
    const figures =
      counted === undefined
        ? null
        : `${counted.requests} requests, ${counted.errors} failed, since its proxy knows it`;
    return { figures, log: withoutSecrets(log, desired.run.secrets) };
  }

  /** How long after it came to serve an incident rolls a release back first. Milliseconds. */
  async youngMs(repo: RepoName): Promise<number> {
    return (await this.desired(repo))?.run.config.rollbackWhen.alertWithin ?? YOUNG_MS;
  }

  /** Where people reach the service, or null while none is deployed. */
  async address(repo: RepoName): Promise<string | null> {
    const { live } = await this.#deps.streams.target(repo).look();
    if (live === null) return null;
    const { run } = await this.#known(live);
    return run.config.expose === undefined ? null : `http://127.0.0.1:${run.config.expose}`;
  }

  /** Null, or why this release cannot be gone back to any more. */
  async unavailable(repo: RepoName, id: ReleaseId): Promise<string | null> {
    const { ref, run } = await this.#known(id);
    const there = await this.target(repo, run).available(ref);
    return there.kind === 'failed' ? there.reason : null;
  }

  async health(repo: RepoName, id: ReleaseId): Promise<ReleaseHealth> {
    const { ref, run } = await this.#known(id);
    const target = this.target(repo, run);
    try {
      const { serving, releases } = await target.state();
      if (serving.has(id)) return 'serves';
      if (releases.some((one) => one.id === id && one.replicas.some((replica) => replica.running)))
        return 'runs';
      return (await target.available(ref)).kind === 'done' ? 'stopped' : 'gone';
    } catch {
      // The engine is away: that is what is to be said.
      return 'unknown';
    }
  }

  /** For what must be kept even while the trail cannot be written. */
  async note(repo: RepoName, entry: TargetEntry, actor?: Actor): Promise<void> {
    await this.journal(repo).note(entry, actor);
  }

  /** To the target's stream; resolves when people who read have it. */
  async append(repo: RepoName, entry: TargetEntry, actor?: Actor): Promise<void> {
    const position = await this.journal(repo).append(entry, actor);
    if (position !== null) await this.#deps.shown(position);
  }

  /** What is done to a target is put on its stream by this; also while the trail is away. */
  journal(repo: RepoName, goesBack?: typeof SHIFTS): TargetJournal {
    const { streams, offlineJournal, confirm } = this.#deps;
    return new TargetJournal(streams, repo, offlineJournal, confirm, goesBack);
  }

  /** What was journaled beside the trail goes there, before anything else does. Rejects while the trail cannot be written. */
  importOfflineJournal(): Promise<number> {
    return this.#deps.offlineJournal.importTo(this.#deps.streams);
  }

  /** Read anew each time, since secrets change; with the store away, what was read last: going back needs nothing newer. */
  async #known(id: ReleaseId): Promise<Known> {
    const last = this.#last.get(id);
    const fresh = this.#read(id).then((known) => {
      this.#last.set(id, known);
      return known;
    });
    if (last === undefined) return fresh;
    const late = new Promise<Known>((resolve) => setTimeout(resolve, STORE_MS, last).unref());
    return Promise.race([fresh.catch(() => last), late]);
  }

  async #read(id: ReleaseId): Promise<Known> {
    const registered = await this.#deps.register.look();
    const [info, run] = [registered.release(id), registered.runOf(id)];
    if (!info || !run) throw terminal('no-such-release', `there is no release ${id}`);
    const release = await getJson(this.#deps.artifacts, Release, info.artifact);
    return {
      ref: { id: release.id, layer: release.layer, image: release.image },
      run: await this.#runAs(run),
      artifact: info.artifact,
    };
  }

  /** How the release of a run is run: its configuration, and the secrets' values of now. */
  async #runAs({ repo, config: digest }: RunBrief): Promise<RunConfig> {
    const { deploy: config } = await getJson(this.#deps.artifacts, RepoConfig, digest);
    if (!config) throw terminal('no-deploy', 'the release has no deploy configuration');
    const secrets: Record<string, string> = {};
    for (const name of config.secrets) {
      const value = await this.#deps.secrets.get(repo, name);
      if (value !== null) secrets[name] = value;
    }
    return { config, secrets, replicas: 1 };
  }
}

/** What nobody has allowed yet runs with none of the repository's secrets. */
const withoutValues = (run: RunConfig): RunConfig => ({
  ...run,
  config: { ...run.config, secrets: [] },
  secrets: {},
});

const YOUNG_MS = 3_600_000;

/** Values under 4 characters would blacken ordinary words. */
const withoutSecrets = (text: string, secrets: Readonly<Record<string, string>>): string =>
  Object.values(secrets)
    .filter((value) => value.length >= 4)
    .sort((a, b) => b.length - a.length)
    .reduce((left, value) => left.replaceAll(value, '[secret]'), text);

const movedTarget = (repo: RepoName, before: RunConfig, wanted: RunConfig): string =>
  `deploy.target of ${repo} changed from ${before.config.target} to ${wanted.config.target}: the release that serves cannot be gone back to from there, so that two people must allow it`;

const failedFor = (reason: string) => ({
  kind: 'failed' as const,
  code: 'cannot_go_back' as const,
  reason,
  evidence: reason,
});
