import type { OpenTrail } from '@millwright/audit';
import type { Clock, Ids, RepoName } from '@millwright/domain';
import {
  allowedBefore,
  Facts,
  type GateId,
  JudgedBy,
  putJson,
  type Run,
  type Todo,
  terminal,
} from '@millwright/domain';
import type { Secrets, Store } from '@millwright/store';
import type { Logger } from 'pino';
import { factsFor } from '../../gates/facts.ts';
import { judge } from '../../gates/judge.ts';
import type { Deployments } from '../../releases/deployments.ts';
import type { Settings } from '../../settings.ts';
import type { Repositories } from '../../source-control/repositories.ts';
import type { Forward } from '../../streams/forward.ts';
import type { KnownSecrets } from '../../streams/known-secrets.ts';
import type { LocalLeases } from '../../streams/local-leases.ts';
import type { Register } from '../../streams/register.ts';
import type { Streams } from '../../streams/streams.ts';
import type { Journal, StepResult } from '../step.ts';
import { lineUpRun, turn } from './line-up.ts';
import { lostMerge } from './lost.ts';
import { outdated } from './outdated.ts';
import { discardRehearsed } from './rehearse.ts';

type Ports = {
  clock: Clock;
  deployments: Deployments;
  deploys: LocalLeases<RepoName>;
  forward: Forward;
  ids: Ids;
  knownSecrets: KnownSecrets;
  log: Logger;
  merges: LocalLeases<RepoName>;
  modelKey: boolean | null;
  register: Register;
  repositories: Repositories;
  secrets: Secrets;
  settings: Settings;
  store: Store;
  streams: Streams;
  trail: OpenTrail;
};

export async function askGate(
  factory: Ports,
  run: Run,
  step: Extract<Todo, { do: 'ask-gate' }>,
  journal: Journal,
): Promise<StepResult> {
  // Nobody is asked about what will not be merged as it stands.
  if (step.action === 'merge' && (await turn(factory, run)) === 'stale')
    return lineUpRun(factory, run, journal);
  if (step.action === 'deploy') {
    const lost = await lostMerge(factory, run);
    if (lost !== null) return lost;
  }
  const facts = await putJson(
    factory.store.artifacts,
    Facts,
    await factsFor(factory, run, step.action, step.subject, null),
  );
  // Who allowed it once is near, and those behind it in the merge queue wait.
  const ms =
    step.action === 'merge' && allowedBefore(run) ? factory.settings.againMs : factory.settings.gateMs;
  const expiresAt = Math.min(factory.clock.now() + ms, run.expiresAt);
  return {
    type: 'gate.asked',
    data: {
      gate: factory.ids.next('gate') as GateId,
      action: step.action,
      subject: step.subject,
      facts,
      expiresAt,
    },
  };
}

/** Judges on facts computed now, not when the gate was asked: budgets, halts and approvals change in between. */
export async function judgeGate(
  factory: Ports,
  run: Run,
  step: Extract<Todo, { do: 'judge-gate' }>,
): Promise<StepResult> {
  const gate = run.gates.find((one) => one.gate === step.gate);
  if (!gate) throw terminal('no-such-gate', `gate ${step.gate} is not on the run`);
  if (gate.action === 'deploy') {
    const lost = await lostMerge(factory, run);
    if (lost !== null) return lost;
  }
  const { facts, decided, judgedBy } = await judge(factory, run, gate);
  // On a busy machine to judge it takes longer than it has.
  if (factory.clock.now() >= gate.expiresAt) return { type: 'gate.expired', data: { gate: step.gate } };
  if (facts.action === 'deploy' && facts.quarantine.length > 0) {
    const anew = await outdated(factory, run);
    if (anew !== null) {
      await discardRehearsed(factory, run);
      return anew;
    }
  }
  const [factsDigest, by] = await Promise.all([
    putJson(factory.store.artifacts, Facts, facts),
    putJson(factory.store.artifacts, JudgedBy, judgedBy),
  ]);
  return {
    type: 'gate.decided',
    data: {
      ...{ gate: step.gate, ...decided, reason: decided.reason.slice(0, 4_000) },
      ...{ facts: factsDigest, judgedBy: by },
    },
  };
}
