import type { EntryType } from '@millwright/domain';
import { Chance } from './outside/chance.ts';
import type { Service } from './outside/network.ts';

type Who = 'orchestrator' | 'runner';

/** Something that goes wrong, or that a person does, at a time after the drive's beginning, for a while. Milliseconds. */
export type Fault = { at: number; ms: number } & (
  | { kind: 'kill'; who: Who; nth: number }
  /** Right after the so-manieth entry of this type, `ms` being how soon. */
  | { kind: 'kill-after'; who: Who; nth: number; type: EntryType; times: number }
  | { kind: 'stop'; who: Who; nth: number }
  | { kind: 'cut'; who: Who; nth: number; from: Service }
  | { kind: 'slow'; who: Who; nth: number; to: Service; times: number }
  | { kind: 'away'; what: Service }
  | { kind: 'deaf'; what: 'database' | 'remote' | 'target' }
  | { kind: 'restart-database' }
  | { kind: 'flush-queue' }
  | { kind: 'double-wakes' }
  | { kind: 'clock'; who: Who; nth: number; ahead: number }
  | { kind: 'remote-lies' }
  | { kind: 'somebody-pushes' }
  | { kind: 'unhealthy' }
  | { kind: 'gone' }
  | { kind: 'halt' }
  | { kind: 'freeze' }
);

export type Plan = {
  seed: number;
  orchestrators: number;
  runners: number;
  /** When each is filed. */
  tickets: number[];
  faults: Fault[];
};

const KINDS: readonly Fault['kind'][] = [
  ...([
    'kill',
    'kill',
    'kill-after',
    'kill-after',
    'kill-after',
    'stop',
    'stop',
    'cut',
    'cut',
    'away',
    'away',
    'deaf',
  ] as const),
  ...(['restart-database', 'flush-queue', 'double-wakes', 'slow', 'slow', 'clock', 'remote-lies'] as const),
  ...(['somebody-pushes', 'unhealthy', 'gone', 'halt', 'freeze'] as const),
];
/** What a process is about to do something after, or has just done something before. */
const POINTS: readonly EntryType[] = [
  ...(['ticket.run-opened', 'stage.opened', 'attempt.opened', 'attempt.claimed', 'turn.asked'] as const),
  ...(['turn.recorded', 'attempt.closed', 'stage.closed', 'task.changed', 'gate.decided'] as const),
  ...(['merge.started', 'merge.finished', 'deploy.started', 'canary.started', 'canary.shifted'] as const),
  ...(['target.effect-started', 'target.effect-finished', 'target.judged', 'target.released'] as const),
  ...(['deploy.finished', 'revert.started', 'canary.ended', 'run.closed'] as const),
];
/** While tickets are worked on. */
const BUSY_MS = 4_000;

/** What a seed stands for. */
export function planOf(seed: number): Plan {
  const chance = new Chance(seed, 'plan');
  const orchestrators = chance.between(1, 2);
  const runners = chance.between(1, 2);
  const tickets = Array.from({ length: chance.oneIn(3) ? 2 : 1 }, () => chance.between(50, 500));
  const faults = Array.from({ length: chance.between(0, 6) }, () => faultOf(chance));
  return { seed, orchestrators, runners, tickets, faults: faults.sort((a, b) => a.at - b.at) };
}

function faultOf(chance: Chance): Fault {
  const at = chance.between(0, BUSY_MS);
  const ms = chance.oneIn(10) ? chance.between(3_000, 13_000) : chance.between(20, 1_500);
  const kind = chance.of(KINDS);
  const who = chance.oneIn(2) ? 'orchestrator' : 'runner';
  const nth = chance.between(0, 1);
  const service = chance.of(['database', 'queue', 'remote', 'target', 'model'] as const);
  switch (kind) {
    case 'kill':
    case 'stop':
      return { kind, at, ms, who, nth };
    case 'kill-after':
      return {
        kind,
        at: 0,
        ms: chance.between(0, 9),
        who,
        nth,
        type: chance.of(POINTS),
        times: chance.between(1, 6),
      };
    case 'cut':
      return { kind, at, ms, who, nth, from: service };
    case 'away':
      return { kind, at, ms, what: service };
    case 'deaf':
      return { kind, at, ms, what: chance.of(['database', 'remote', 'target'] as const) };
    case 'slow':
      return { kind, at, ms, who, nth, to: service, times: chance.between(2, chance.oneIn(2) ? 20 : 400) };
    case 'clock':
      return { kind, at, ms, who, nth, ahead: chance.between(-3_600, 3_600) * 1_000 };
    default:
      return { kind, at, ms };
  }
}
