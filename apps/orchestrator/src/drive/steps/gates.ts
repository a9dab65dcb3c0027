import { Facts, type GateId, putJson, type Run, retryable, type Todo, terminal } from '@millwright/domain';
import { evaluate, loadPolicy } from '@millwright/policy';
import { factsFor } from '../../gates/facts.ts';
import type { StepResult } from '../driver.ts';
import type { Factory } from '../factory.ts';

/** `.millwright/policy.cedar` of the default branch, at most this long. It can only tighten. */
const REPOSITORY_POLICY = '.millwright/policy.cedar';
const MAX_POLICY_BYTES = 65_536;

export async function askGate(
  factory: Factory,
  run: Run,
  step: Extract<Todo, { do: 'ask-gate' }>,
): Promise<StepResult> {
  const facts = await putJson(
    factory.store.artifacts,
    Facts,
    await factsFor(factory, run, step.action, step.subject, null),
  );
  const expiresAt = Math.min(factory.clock.now() + factory.settings.gateMs, run.expiresAt);
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
  factory: Factory,
  run: Run,
  step: Extract<Todo, { do: 'judge-gate' }>,
): Promise<StepResult> {
  const gate = run.gates.find((one) => one.gate === step.gate);
  if (!gate) throw terminal('no-such-gate', `gate ${step.gate} is not on the run`);
  // A halt would be a final deny here, and a halt is meant to pass.
  if (factory.world.halted() !== null) throw retryable('halted', 'the factory is halted');
  await factory.world.reached(await factory.trail.head());
  const facts = await factsFor(factory, run, gate.action, gate.subject, gate);
  const digest = await putJson(factory.store.artifacts, Facts, facts);
  const loaded = loadPolicy(await repositoryPolicy(factory, run));
  const decided =
    loaded.kind === 'loaded'
      ? evaluate(loaded.policy, facts)
      : {
          decision: 'deny' as const,
          policies: ['repository-policy'],
          approvals: 0,
          reason: `the repository's policy was refused: ${loaded.problems.join('; ')}`,
        };
  return {
    type: 'gate.decided',
    data: { gate: step.gate, ...decided, reason: decided.reason.slice(0, 4_000), facts: digest },
  };
}

async function repositoryPolicy(factory: Factory, run: Run): Promise<string | null> {
  const repo = await factory.repositories.open(run.repo);
  return (await repo.file(run.base.tree, REPOSITORY_POLICY, MAX_POLICY_BYTES))?.toString('utf8') ?? null;
}
