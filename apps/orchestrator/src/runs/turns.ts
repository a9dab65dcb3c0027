import {
  type AttemptId,
  type Bound,
  boundOf,
  nextOf,
  type RecordedEntry,
  type RepoName,
  type RunId,
  repoKey,
  type Sharing,
  type UnitName,
  unitKey,
} from '@millwright/domain';
import type { Forward } from '../streams/forward.ts';
import type { Runners } from '../streams/runners.ts';
import type { Streams } from '../streams/streams.ts';

type Stage = { attempt: AttemptId; run: RunId; repo: RepoName; needs: readonly string[] };
type AtWork = Stage & {
  model: string | null /** It waits for a budget, and takes no place. */;
  paused: boolean;
};
type Placed = Stage & { unit: UnitName };
type Ports = { forward: Forward; runners: Pick<Runners, 'places'>; streams: Streams };

/**
 * Who may begin: the one place where stages are given to runners. A stage that is ready asks; it begins when it is its turn (`nextOf`), within the
 * limits that people set and the places that runners have. In memory: after a restart what is open is told (`takeUp`), and what waits asks again.
 */
export class Turns {
  readonly #ports: Ports;
  readonly #waiting = new Map<AttemptId, Stage>();
  readonly #atWork = new Map<AttemptId, AtWork>();
  readonly #served = new Map<string, number>();
  #turn = 0;
  #given: (run: RunId) => void = () => undefined;

  constructor(ports: Ports) {
    this.#ports = ports;
  }

  /** Told of each run that has a stage whose turn it is now. */
  onGiven(given: (run: RunId) => void): void {
    this.#given = given;
  }

  /** What was open when this process began. */
  takeUp(stage: Omit<AtWork, 'model'> & { model?: string | null }): void {
    this.#atWork.set(stage.attempt, { model: null, ...stage });
  }

  /** Whether it begins now; if not, its run is told when it is its turn. */
  ask(stage: Stage): boolean {
    if (this.#atWork.has(stage.attempt)) return true;
    // Whatever waits already may not begin: so it is the turn of the one that asks, if there is room for it.
    if (!this.#waiting.has(stage.attempt)) {
      const placed = this.#placed(stage);
      if (boundOf(this.#bounds(), placed) === null) this.#give(placed);
      else this.#waiting.set(stage.attempt, stage);
    }
    return this.#atWork.has(stage.attempt);
  }

  /** It is over, or will never begin. */
  leave(attempt: AttemptId): void {
    const left = [this.#waiting.delete(attempt), this.#atWork.delete(attempt)];
    if (left.includes(true)) this.settle();
  }

  /** What the trail says of stages that are at work, and of what bounds them. */
  hear({ envelope, entry }: RecordedEntry): void {
    const [kind, id = ''] = envelope.stream.split('/');
    const at = kind === 'attempt' ? this.#atWork.get(id as AttemptId) : undefined;
    switch (entry?.type) {
      case 'turn.asked':
        if (at !== undefined) at.model = entry.data.model;
        return;
      case 'attempt.paused':
        if (at !== undefined) at.paused = true;
        this.settle();
        return;
      case 'attempt.claimed':
        if (at !== undefined) at.paused = false;
        return;
      case 'attempt.closed':
        this.leave(id as AttemptId);
        return;
      case 'run.closed':
        for (const { attempt, run } of [...this.#waiting.values(), ...this.#atWork.values()])
          if (run === id) this.leave(attempt);
        return;
    }
  }

  /** Gives out all that may begin. */
  settle(): void {
    const told = new Set<RunId>();
    while (this.#waiting.size > 0) {
      const next = nextOf(this.#sharing());
      if (next === null) break;
      this.#give(next);
      told.add(next.run);
    }
    for (const run of told) this.#given(run);
  }

  #give(next: Placed): void {
    const { attempt, run, repo, needs } = next;
    this.#waiting.delete(attempt);
    this.#atWork.set(attempt, { attempt, run, repo, needs, model: null, paused: false });
    this.#turn += 1;
    this.#served.set(unitKey(next), this.#turn).set(repoKey(next), this.#turn);
  }

  /** What keeps a run's stages from beginning; null: none waits. */
  why(run: RunId): Bound | null {
    const mine = [...this.#waiting.values()].find((one) => one.run === run);
    return mine === undefined ? null : boundOf(this.#bounds(), this.#placed(mine));
  }

  /** Of a scope: `factory`, `unit/NAME`, `repo/NAME`. */
  counts(scope: string): { atWork: number; waiting: number } {
    const { atWork, waiting } = this.#sharing();
    const within = (stages: readonly Placed[]) =>
      stages.filter((one) => [repoKey(one), unitKey(one), 'factory'].includes(scope)).length;
    return { atWork: within(atWork), waiting: within(waiting) };
  }

  /** Limits that are in force, by scope. */
  limits(): Map<string, number> {
    const { limits } = this.#ports.streams.factory().known.state;
    return new Map([...limits].flatMap(([scope, stages]) => (stages === null ? [] : [[scope, stages]])));
  }

  #placed({ attempt, run, repo, needs }: Stage): Placed {
    return { attempt, run, repo, needs, unit: this.#ports.streams.repository(repo).known.state.unit };
  }

  #bounds() {
    // What waits for a budget, or is halted, is in nobody's hands.
    const atWork = [...this.#atWork.values()].filter(
      ({ repo, model, paused }) =>
        !paused && this.#ports.forward.known({ action: 'stage', repo, model }) === null,
    );
    return {
      atWork: atWork.map((stage) => this.#placed(stage)),
      limits: this.limits(),
      places: this.#ports.runners.places(),
    };
  }

  #sharing(): Sharing<Placed> & { atWork: readonly Placed[] } {
    const waiting = [...this.#waiting.values()].map((stage) => this.#placed(stage));
    waiting.sort((a, b) => (a.run < b.run ? -1 : a.run > b.run ? 1 : 0));
    return { ...this.#bounds(), waiting, served: this.#served };
  }
}
