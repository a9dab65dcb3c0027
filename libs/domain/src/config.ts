import { z } from 'zod';
import { TicketKind } from './artifacts.ts';
import { MAX_LABELS, RunnerLabel } from './runner.ts';

// `millwright.yaml`, as docs/millwright-yaml.md has it. Read from the default branch only. Reading the YAML (and naming the line of an
// error) is the orchestrator's; this schema is the meaning. Unknown keys are errors.

/** `20s`, `500ms`, `2m`, `1h`; in milliseconds after parsing. */
const Duration = z
  .string()
  .regex(/^\d+(ms|s|m|h)$/, 'a duration is a number and ms, s, m or h, such as 20s')
  .transform((text) => {
    const unit = text.replace(/^\d+/, '');
    return (
      Number.parseInt(text, 10) * { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 }[unit as 'ms' | 's' | 'm' | 'h']
    );
  });

const EnvName = z
  .string()
  .max(256)
  .regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'not an environment variable name');

/** The factory's own secrets, and what a loader, a shell or git obeys in a release's environment. */
const RESERVED =
  /^(?:MILLWRIGHT_.*|GIT_.*|SSH_.*|LD_.*|DYLD_.*|BASH_ENV|ENV|PATH|HOME|IFS|SHELL|NODE_OPTIONS|NODE_PATH|PYTHONPATH|PYTHONSTARTUP|PERL5LIB|RUBYOPT|JAVA_TOOL_OPTIONS|DOCKER_HOST)$/i;
const SecretName = EnvName.refine((name) => !RESERVED.test(name), {
  error: ({ input }) =>
    `${String(input)} is reserved: it is for the factory or its host, never for a release`,
});

/** A path and query as they stand in the first line of a request: RFC 3986, so that nothing ends that line. */
const RequestPath = z
  .string()
  .max(1_024)
  .regex(
    /^\/(?:[A-Za-z0-9._~!$&'()*+,;=:@/?-]|%[0-9A-Fa-f]{2})*$/,
    'a path from /, as an address has it (a space is %20)',
  );

/** How much of a pattern is tried against a path: patterns are data of a repository, and none may be slow. */
function tooMuch(pattern: string): string | null {
  const groups = pattern.match(/\{[^{}]*\}/g) ?? [];
  const rest = pattern.replaceAll(/\{[^{}]*\}/g, '');
  if (/[{}]/.test(rest)) return 'a pattern closes each { it opens, and nests none';
  if (groups.some((group) => group.includes('/'))) return 'a {…} holds no /';
  if (groups.length > 3) return 'a pattern has at most three {…}';
  if (groups.some((group) => group.split(',').length > 16)) return 'a {…} has at most 16 choices';
  if ((pattern.match(/\*\*/g) ?? []).length > 4) return 'a pattern has at most four **';
  if (pattern.split('/').some((part) => part !== '**' && (part.match(/\*/g) ?? []).length > 2))
    return 'a pattern has at most two * between two slashes';
  if (/\p{Cc}/u.test(pattern)) return 'a pattern has no control characters';
  if (pattern.includes('\\')) return 'a pattern is written with /, and needs no backslash';
  return null;
}

/** Of `protected`: `**` is any number of folders, `*` and `?` stay within one, `{a,b}` is either; everything else stands for itself. */
const PathPattern = z
  .string()
  .min(1)
  .max(200)
  .superRefine((pattern, context) => {
    const message = tooMuch(pattern);
    if (message !== null) context.addIssue({ code: 'custom', message });
  });
const Port = z.number().int().min(1).max(65_535);

/** One command of a shell. */
const Command = z.string().min(1).max(4_096);
/** A program and its arguments; no shell reads it. `{release}` is replaced by the release's id. */
const Argv = z.array(z.string().min(1).max(4_096)).min(1).max(64);
/** What is asked of a release in canary besides the proxy's figures. */
const CheckConfig = z.union([
  /** A path of the release itself, or an address. */
  z.strictObject({ http: z.union([RequestPath, z.url({ protocol: /^https?$/ }).max(2_048)]) }),
  z
    .strictObject({
      prometheus: z.url({ protocol: /^https?$/ }),
      query: z.string().min(1).max(4_096),
      max: z.number().optional(),
      min: z.number().optional(),
    })
    .refine(({ max, min }) => max !== undefined || min !== undefined, 'a query needs max or min'),
  /** The repository's own command; exit code 0 is well. */
  z.strictObject({ smoke: Command }),
]);

const CronText = z.string().min(9).max(100);
export const FreezeWindow = z.strictObject({
  from: CronText,
  until: CronText,
  /** As IANA calls it: `Europe/Berlin`. */
  timezone: z.string().min(1).max(64).default('UTC'),
  reason: z.string().min(1).max(300),
});
export type FreezeWindow = z.infer<typeof FreezeWindow>;

const deployConfig = <D extends z.ZodType<number, unknown>>(duration: D) =>
  z.strictObject({
    target: z.enum(['docker', 'command', 'git']),
    start: Command.optional(),
    port: Port.optional(),
    expose: Port.optional(),
    env: z.record(EnvName, z.coerce.string().max(32_768)).default({}),
    secrets: z.array(SecretName).max(100).default([]),
    volumes: z
      .record(
        z.string().regex(/^[a-z0-9][a-z0-9_-]{0,62}$/),
        z
          .string()
          .max(4_096)
          .regex(/^\/[^\p{Cc}:]*$/u, 'a path from /, without colons'),
      )
      .default({}),
    health: RequestPath.default('/'),
    /** While its target is frozen: `wait`, a change is merged and its deploy waits for the thaw; `refuse`, nothing is merged. */
    whenFrozen: z.enum(['wait', 'refuse']).default('wait'),
    /** When nothing is deployed: from one time to another, both as cron, in a time zone. Going back is as at any time. */
    freezeWindows: z.array(FreezeWindow).max(20).default([]),
    canary: z
      .strictObject({
        steps: z.array(z.number().int().min(1).max(100)).min(1).max(100).default([100]),
        bake: duration.optional().transform((ms) => ms ?? 5_000),
        /** Requests that the new release must have answered in a step before it is called healthy; 0: its health decides. */
        minRequests: z.number().int().min(0).max(1_000_000).default(20),
        /** How long a step that cannot be judged (inconclusive) is waited for after its bake, before traffic goes back; twice the bake unless told. */
        wait: duration.optional(),
      })
      .prefault({}),
    rollbackWhen: z
      .strictObject({
        errorRate: z.number().min(0).max(1).default(0.02),
        p95Ratio: z.number().min(1).default(1.5),
        restarts: z.number().int().min(0).default(1),
        /** An incident that begins so soon after a release came to serve rolls it back first; an hour unless told, `0s` never. */
        alertWithin: duration.optional(),
      })
      .prefault({}),
    checks: z.array(CheckConfig).max(20).default([]),
    /** For target `command`. Without `rollback` it cannot go back, and nothing is deployed there unattended. */
    commands: z
      .strictObject({
        deploy: Argv,
        activate: Argv,
        status: Argv,
        rollback: Argv.optional(),
        stop: Argv.optional(),
      })
      .optional(),
  });

const repoConfig = <D extends z.ZodType<number, unknown>>(duration: D) =>
  z.strictObject({
    /** A Docker image the engine already has; the factory's sandbox image otherwise. */
    image: z.string().min(1).max(512).optional(),
    install: Command.optional(),
    test: Command.optional(),
    build: Command.optional(),
    installScripts: z.boolean().default(false),
    services: z
      .array(z.enum(['postgres', 'redis']))
      .max(2)
      .default([]),
    /** What a runner must have to work on it: its machine's `linux`, `x64` or `arm64`, or what whoever runs it calls it. */
    runner: z.strictObject({ labels: z.array(RunnerLabel).min(1).max(MAX_LABELS) }).optional(),
    protected: z.array(PathPattern).max(100).default([]),
    autonomy: z.number().int().min(0).max(7).default(7),
    /** Kinds of ticket that get no acceptance checks. */
    skipChecks: z.array(TicketKind).max(8).default([]),
    /** Kinds of ticket whose change goes without a review where it is trivial. */
    skipReview: z.array(TicketKind).max(8).default([]),
    /** What one stage of it may take, where the factory's own limits do not fit. */
    stage: z
      .strictObject({
        turns: z.number().int().min(1).max(10_000).optional(),
        conversations: z.number().int().min(1).max(1_000).optional(),
        time: duration.optional(),
        usd: z.number().positive().max(10_000).optional(),
      })
      .optional(),
    deploy: deployConfig(duration).optional(),
  });
/** As people write it in `millwright.yaml`: durations are text. */
export const RepoConfigFile = repoConfig(Duration);
/** As the factory keeps it: durations are milliseconds. */
export const RepoConfig = repoConfig(z.number().int().nonnegative());
export type RepoConfig = z.infer<typeof RepoConfig>;
export const DeployConfig = deployConfig(z.number().int().nonnegative());
export type DeployConfig = z.infer<typeof DeployConfig>;
