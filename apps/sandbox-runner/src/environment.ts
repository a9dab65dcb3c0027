import { type Endpoint, endpointOf } from '@millwright/agents';
import { MAX_LABELS, RunnerLabel, RunnerName } from '@millwright/domain';
import { z } from 'zod';

const Environment = z.object({
  DATABASE_URL: z.string().min(1),
  QUEUE_URL: z.string().min(1),
  /** Where large artifacts lie, as the orchestrator has it. */
  MILLWRIGHT_ARTIFACTS: z.string().default(''),
  MILLWRIGHT_DATA: z.string().startsWith('/', 'must be an absolute path'),
  MILLWRIGHT_FACTORY: z.string().min(1),
  MILLWRIGHT_SANDBOX_IMAGE: z.string().min(1),
  MILLWRIGHT_RUNNER_CONCURRENCY: z.coerce.number().int().min(1).max(64).default(3),
  /** Its own name among the runners; what its machine is called where not set. */
  MILLWRIGHT_RUNNER_NAME: RunnerName.optional(),
  /** What a repository's `runner.labels` may ask for, with commas between. */
  MILLWRIGHT_RUNNER_LABELS: z
    .string()
    .default('')
    .transform((text) => text.split(',').map((label) => label.trim()))
    .transform((labels) => [...new Set(labels.filter((label) => label !== ''))])
    .pipe(z.array(RunnerLabel).max(MAX_LABELS)),
  MILLWRIGHT_LOG_LEVEL: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal']).default('info'),
  /** How long a model may say nothing, milliseconds; and how often a call is made in all. The client's own bounds where not set. */
  MILLWRIGHT_STALL_MS: z.coerce.number().int().min(100).optional(),
  MILLWRIGHT_CALL_TRIES: z.coerce.number().int().min(1).max(20).optional(),
  /** How long a run of tests may take, minutes. */
  MILLWRIGHT_TEST_MINUTES: z.coerce.number().positive().max(1_440).default(15),
  /** Turns of one conversation before it hands over to a new one. */
  MILLWRIGHT_CONVERSATION_TURNS: z.coerce.number().int().min(2).max(1_000).optional(),
  /** Written every ten seconds, for whoever watches whether it lives. */
  MILLWRIGHT_ALIVE_FILE: z.string().startsWith('/').optional(),
  ANTHROPIC_BASE_URL: z.url().optional(),
});
export type Environment = z.infer<typeof Environment>;

/** Reads what the composition root needs; a name that is set to nothing counts as not set. The problem never quotes a value. */
export function readEnvironment(
  env: Readonly<Record<string, string | undefined>>,
): { kind: 'environment'; environment: Environment; endpoint: Endpoint } | { kind: 'bad'; problem: string } {
  const set = Object.fromEntries(
    Object.entries(env).filter(([, value]) => value !== undefined && value !== ''),
  );
  const parsed = Environment.safeParse(set);
  if (parsed.success) {
    const asked = endpointOf(set);
    return asked.kind === 'bad'
      ? asked
      : { kind: 'environment', environment: parsed.data, endpoint: asked.endpoint };
  }
  const lines = parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`);
  return { kind: 'bad', problem: `The runner's environment is not right: ${lines.join('; ')}` };
}
