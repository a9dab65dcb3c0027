import type { RoleScope } from '../entries/person.ts';
import type { RecordedEntry } from '../envelope.ts';
import { nameOfScope } from '../halt.ts';
import type { Actor, Instant, RepoName, UnitName } from '../ids.ts';
import { type Facts, factsOf } from '../metrics/facts.ts';
import { type Metrics, measure, takenBack } from '../metrics/measure.ts';
import { type Autonomy, evolveAutonomy, NO_AUTONOMY } from '../repository/autonomy.ts';
import { neededFor, upperBound } from './bound.ts';
import { type Criterion, LADDER } from './criteria.ts';

// What the trail shows of each criterion of the ladder. Pure: the same entries give the same answer.
//
// Invariant: nothing that an agent or a runner says counts. Attestations and steps are people's; what is measured is what the factory recorded.

export type JudgedCriterion = {
  id: string;
  says: string;
  /** Unknown never counts as met. */
  state: 'met' | 'unmet' | 'unknown';
  figure: string;
  how: string;
  /** Entries of the trail under it, at most `MOST_POSITIONS`, oldest first; `entries`: how many there are. */
  positions: number[];
  entries: number;
  /** Who attested it, with what evidence and until when; null where nobody did, or the trail measures it. */
  attested: { by: Actor; evidence: string; until: Instant } | null;
};
type Judged = Pick<JudgedCriterion, 'state' | 'figure'> & {
  positions: readonly number[];
  attested?: JudgedCriterion['attested'];
};

/** What is judged: the repositories of a unit, or one of them. */
export type LadderPlace = { unit: UnitName; repos: readonly RepoName[]; repo: RepoName | null };

type StepAt = { position: number; at: Instant; step: number };
type Attestation = {
  scope: string;
  criterion: string;
  holds: boolean;
  evidence: string;
  until: Instant;
  by: Actor;
  position: number;
};
export type LadderHistory = {
  facts: Facts;
  steps: ReadonlyMap<string, readonly StepAt[]>;
  attestations: readonly Attestation[];
};

const DAY_MS = 86_400_000;
const MONTH_MS = 30 * DAY_MS;
const MOST_POSITIONS = 20;

const isPerson = (actor: string): boolean => actor.startsWith('per_');
const isAgents = (actor: string): boolean => actor.startsWith('agent/') || actor.startsWith('runner/');

/** Reads entries of repositories, runs, tickets, targets and the factory; in any order. */
export function ladderHistory(given: readonly RecordedEntry[]): LadderHistory {
  const entries = given
    .filter(({ envelope }) => !isAgents(envelope.actor))
    .sort((a, b) => a.envelope.position - b.envelope.position);
  const autonomy = new Map<string, Autonomy>();
  const steps = new Map<string, StepAt[]>();
  const attestations: Attestation[] = [];
  for (const { envelope, entry } of entries) {
    const { position, at, actor } = envelope;
    if (entry.type === 'ladder.attested' && isPerson(actor)) {
      const { scope, ...data } = entry.data;
      attestations.push({ ...data, scope: nameOfScope(scope), by: actor, position });
    }
    const sets = entry.type === 'repo.step-set' && isPerson(actor);
    if (!sets && entry.type !== 'autonomy.dropped') continue;
    const { repo } = entry.data;
    const state = evolveAutonomy(autonomy.get(repo) ?? NO_AUTONOMY, entry, at);
    autonomy.set(repo, state);
    steps.set(repo, [...(steps.get(repo) ?? []), { position, at, step: state.step }]);
  }
  return { facts: factsOf(entries), steps, attestations };
}

/** The criteria of a step, for a unit or a repository. A unit's are of all its repositories together. */
export function judgeStep(
  step: number,
  history: LadderHistory,
  place: LadderPlace,
  now: Instant,
): JudgedCriterion[] {
  return (LADDER[step]?.criteria ?? []).map((criterion) => {
    const judged = criterion.measured
      ? measured(criterion.id, history, place, now)
      : attested(criterion, history, place, now);
    const positions = [...new Set(judged.positions)].sort((a, b) => a - b);
    return {
      id: criterion.id,
      says: criterion.says,
      state: judged.state,
      figure: judged.figure,
      how: criterion.measured ? criterion.how : 'attested by a person, with evidence and until when',
      positions: positions.slice(-MOST_POSITIONS),
      entries: positions.length,
      attested: judged.attested ?? null,
    };
  });
}

/** The last word of each scope counts, while it is in force; where one of them says that it does not hold, it does not. */
function attested({ id }: Criterion, history: LadderHistory, place: LadderPlace, now: Instant): Judged {
  const scopes: RoleScope[] = [
    ...(place.repo === null ? [] : [{ kind: 'repo', repo: place.repo } as const]),
    { kind: 'unit', unit: place.unit },
    { kind: 'factory' },
  ];
  const last = scopes.flatMap((scope) => {
    const name = nameOfScope(scope);
    return history.attestations.findLast((one) => one.criterion === id && one.scope === name) ?? [];
  });
  const inForce = last.filter(({ until }) => until > now);
  const one = inForce.find(({ holds }) => !holds) ?? inForce[0] ?? last[0];
  if (one === undefined) return { state: 'unknown', figure: 'nobody attested it', positions: [] };
  const { by, evidence, until, holds, scope, position } = one;
  const told = { attested: { by, evidence, until }, positions: [position] };
  if (until <= now) return { ...told, state: 'unknown', figure: `attested for ${scope}, but expired` };
  return holds
    ? { ...told, state: 'met', figure: `attested for ${scope}` }
    : { ...told, state: 'unmet', figure: `attested for ${scope} that it does not hold` };
}

function measured(id: string, history: LadderHistory, place: LadderPlace, now: Instant): Judged {
  const facts = ofRepos(history.facts, place.repos);
  if (place.repos.length === 0) return { state: 'unknown', figure: 'no repository', positions: [] };
  switch (id) {
    case 'review-active':
      return reviewActive(facts, place, now);
    case 'unattended-errors':
      return unattended(facts, now);
    case 'dora-improving':
      return improving(facts, now);
    case 'self-healing': {
      const healed = facts.healed.filter(({ at }) => at > now - 180 * DAY_MS && at <= now);
      const positions = healed.map(({ position }) => position);
      return rateBelow(healed.filter(({ ok }) => !ok).length, healed.length, 0.01, positions);
    }
    case 'use-5':
      return inUse(history, facts, place, { step: 5, days: 90 }, now);
    case 'use-6':
      return inUse(history, facts, place, { step: 6, days: 180 }, now);
    case 'use-7':
      return inUse(history, facts, place, { step: 7, days: 365 }, now);
    case 'no-incident-5':
      return noIncident(facts, 90, now);
    case 'no-incident-6':
      return noIncident(facts, 180, now);
    default:
      throw new Error(`nothing measures ${id}`);
  }
}

/** The part of the facts that is of some repositories. */
function ofRepos(facts: Facts, names: readonly RepoName[]): Facts {
  const has = new Set<string>(names);
  const tickets = new Map([...facts.tickets].filter(([, { repo }]) => has.has(repo)));
  return {
    tickets,
    runs: new Map([...facts.runs].filter(([, { repo }]) => has.has(repo))),
    released: facts.released.filter(({ repo }) => has.has(repo)),
    rollbacksAsked: facts.rollbacksAsked.filter(({ repo }) => has.has(repo)),
    // Whose an incident is that names no ticket read here is not known: it counts.
    incidents: facts.incidents.filter(({ ticket }) => tickets.has(ticket) || !facts.tickets.has(ticket)),
    healed: facts.healed.filter(({ repo }) => has.has(repo)),
  };
}

/** Met and unmet by what is shown for sure: unknown while the figure is right and there are too few. */
function rateBelow(failures: number, of: number, limit: number, positions: readonly number[]): Judged {
  const figure = `${failures} of ${of}`;
  if (of === 0) return { state: 'unknown', figure: 'none yet', positions };
  if (failures / of >= limit) return { state: 'unmet', figure, positions };
  const bound = upperBound(failures, of);
  if (bound < limit)
    return { state: 'met', figure: `${figure}, at most ${(bound * 100).toFixed(2)} %`, positions };
  const more = neededFor(failures, limit) - of;
  return { state: 'unknown', figure: `${figure}; ${more} more without a failure show it`, positions };
}

function reviewActive({ runs }: Facts, { repos }: LadderPlace, now: Instant): Judged {
  const merged = [...runs.values()].filter((run) => run.merged && run.merged.at > now - 3 * MONTH_MS);
  const reviewed = merged.filter(({ stages }) => stages.some(({ role }) => role === 'review'));
  const active = repos.filter((name) => reviewed.some(({ repo }) => repo === name));
  const still = repos.filter((name) => !merged.some(({ repo }) => repo === name));
  const positions = reviewed.flatMap((run) => run.merged?.position ?? []);
  const figure = `${active.length} of ${repos.length} repositories`;
  if (active.length + still.length < repos.length) return { state: 'unmet', figure, positions };
  return still.length === 0
    ? { state: 'met', figure, positions }
    : { state: 'unknown', figure: `${figure}; nothing was merged in ${still.join(', ')}`, positions };
}

function unattended(facts: Facts, now: Instant): Judged {
  const took = takenBack(facts);
  const alone = [...facts.runs.values()].filter(
    ({ merged, people }) => merged !== null && merged.at > now - 3 * MONTH_MS && people === 0,
  );
  const wrong = alone.filter(
    ({ reverted, release, outcomes }) =>
      reverted ||
      (release !== null && took.has(release)) ||
      outcomes.some(({ result }) => result !== 'promoted'),
  );
  // What went wrong is what is looked for.
  const shown = wrong.length > 0 ? wrong : alone;
  return rateBelow(
    wrong.length,
    alone.length,
    0.01,
    shown.flatMap(({ merged }) => merged?.position ?? []),
  );
}

function improving(facts: Facts, now: Instant): Judged {
  const months = [3, 2, 1].map((n) =>
    measure(facts, { from: now - n * MONTH_MS, to: now - (n - 1) * MONTH_MS }),
  );
  const [first, , last] = months;
  const positions = [...facts.runs.values()]
    .flatMap(({ outcomes, merged }) => [...outcomes, ...(merged === null ? [] : [merged])])
    .filter(({ at }) => at >= now - 3 * MONTH_MS)
    .map(({ position }) => position);
  if (first === undefined || last === undefined || months.some(({ deployments }) => deployments.n === 0))
    return { state: 'unknown', figure: 'a month of the last three has no deployment', positions };
  const figures: [string, (of: Metrics) => number | null, higher?: boolean][] = [
    ['deployments', ({ deployments }) => deployments.n, true],
    ['change lead time', ({ changeLead }) => changeLead.p50],
    ['change failure', ({ changeFailure }) => changeFailure.rate],
    ['recovery', ({ recovery }) => recovery.p50],
  ];
  const changes = figures.map(([name, read, higher = false]) => {
    const [before, after] = [read(first), read(last)];
    const gain = before === null || after === null ? 0 : higher ? after - before : before - after;
    return { name, gain };
  });
  const worse = changes.filter(({ gain }) => gain < 0).map(({ name }) => name);
  const better = changes.filter(({ gain }) => gain > 0).map(({ name }) => name);
  const figure = `better: ${better.join(', ') || 'none'}; worse: ${worse.join(', ') || 'none'}`;
  return { state: worse.length === 0 && better.length > 0 ? 'met' : 'unmet', figure, positions };
}

function inUse(
  { steps }: LadderHistory,
  facts: Facts,
  { repos }: LadderPlace,
  { step, days }: { step: number; days: number },
  now: Instant,
): Judged {
  // Since when each repository has been there without a break; null where it is below.
  const since = repos.map((repo) => {
    const history = steps.get(repo) ?? [];
    const below = history.findLastIndex((one) => one.step < step);
    return history[below + 1] ?? null;
  });
  const there = since.flatMap((one) => (one === null ? [] : [one]));
  const ended = [...facts.runs.values()].flatMap(({ closed }) => (closed?.end === 'done' ? [closed] : []));
  const month = (n: number) =>
    ended.some(({ at }) => at > now - n * MONTH_MS && at <= now - (n - 1) * MONTH_MS);
  const used = [1, 2, 3].filter(month).length;
  const positions = [...there.map(({ position }) => position), ...ended.map(({ position }) => position)];
  if (there.length < repos.length) {
    const below = repos.filter((_, i) => since[i] === null);
    return { state: 'unmet', figure: `below step ${step}: ${below.join(', ')}`, positions };
  }
  const passed = Math.floor((now - Math.max(...there.map(({ at }) => at))) / DAY_MS);
  return {
    state: passed >= days && used === 3 ? 'met' : 'unmet',
    figure: `${passed} of ${days} days; used in ${used} of the last 3 months`,
    positions,
  };
}

function noIncident({ incidents, released }: Facts, days: number, now: Instant): Judged {
  const from = now - days * DAY_MS;
  const found = incidents.filter(({ startedAt }) => startedAt > from);
  if (found.length > 0)
    return {
      state: 'unmet',
      figure: `${found.length} in ${days} days`,
      positions: found.map((one) => one.position),
    };
  const served = released.filter(({ at }) => at > from);
  const positions = served.map(({ position }) => position);
  return served.length === 0
    ? { state: 'unknown', figure: 'nothing was released', positions }
    : { state: 'met', figure: `none in ${days} days, ${served.length} releases`, positions };
}
