import { z } from 'zod';

// `millwright.yaml`, as CONTRACT.md has it. Read from the default branch only. Reading the YAML (and naming the line of an
// error) is the orchestrator's; this schema is the meaning. Unknown keys are errors.

/** `20s`, `500ms`, `2m`, `1h`; in milliseconds after parsing. */
export const Duration = z
  .string()
  .regex(/^\d+(ms|s|m|h)$/, 'a duration is a number and ms, s, m or h, such as 20s')
  .transform((text) => {
    const unit = text.replace(/^\d+/, '');
    return (
      Number.parseInt(text, 10) * { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 }[unit as 'ms' | 's' | 'm' | 'h']
    );
  });

const EnvName = z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'not an environment variable name');
const Port = z.number().int().min(1).max(65_535);

/** A program and its arguments; no shell reads it. `{release}` is replaced by the release's id. */
const Argv = z.array(z.string().min(1).max(4_096)).min(1).max(64);
/** What is asked of a release in canary besides the proxy's figures. */
const CheckConfig = z.union([
  /** A path of the release itself, or an address. */
  z.strictObject({ http: z.string().regex(/^(\/|https?:\/\/)/, 'a path from / or an address') }),
  z
    .strictObject({
      prometheus: z.url({ protocol: /^https?$/ }),
      query: z.string().min(1).max(4_096),
      max: z.number().optional(),
      min: z.number().optional(),
    })
    .refine(({ max, min }) => max !== undefined || min !== undefined, 'a query needs max or min'),
  /** The repository's own command; exit code 0 is well. */
  z.strictObject({ smoke: z.string().min(1).max(4_096) }),
]);
export type CheckConfig = z.infer<typeof CheckConfig>;

const deployConfig = <D extends z.ZodType<number, unknown>>(duration: D) =>
  z.strictObject({
    target: z.enum(['docker', 'command', 'git']),
    start: z.string().min(1).optional(),
    port: Port.optional(),
    expose: Port.optional(),
    env: z.record(EnvName, z.coerce.string()).default({}),
    secrets: z
      .array(
        EnvName.refine((name) => name !== 'GIT_TOKEN', 'GIT_TOKEN is for the factory, never for a release'),
      )
      .default([]),
    volumes: z.record(z.string().regex(/^[a-z0-9][a-z0-9_-]*$/), z.string().startsWith('/')).default({}),
    health: z.string().startsWith('/').default('/'),
    canary: z
      .strictObject({
        steps: z.array(z.number().int().min(1).max(100)).min(1).default([100]),
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
    image: z.string().min(1).optional(),
    install: z.string().min(1).optional(),
    test: z.string().min(1).optional(),
    build: z.string().min(1).optional(),
    installScripts: z.boolean().default(false),
    services: z.array(z.enum(['postgres', 'redis'])).default([]),
    protected: z.array(z.string().min(1)).default([]),
    autonomy: z.number().int().min(0).max(7).default(7),
    deploy: deployConfig(duration).optional(),
  });
/** As people write it in `millwright.yaml`: durations are text. */
export const RepoConfigFile = repoConfig(Duration);
/** As the factory keeps it: durations are milliseconds. */
export const RepoConfig = repoConfig(z.number().int().nonnegative());
export type RepoConfig = z.infer<typeof RepoConfig>;
export const DeployConfig = deployConfig(z.number().int().nonnegative());
export type DeployConfig = z.infer<typeof DeployConfig>;

/** Always protected, whatever the file says: instructions to agents, the factory's own files, CI and deploy files. */
export const ALWAYS_PROTECTED = [
  'millwright.yaml',
  '.millwright/**',
  '**/CODEOWNERS',
  'CODEOWNERS',
  '**/AGENTS.md',
  'AGENTS.md',
  '**/CLAUDE.md',
  'CLAUDE.md',
  '.github/**',
  '.gitlab-ci.yml',
  '.circleci/**',
  '.ci/**',
  'Jenkinsfile',
  'Dockerfile',
  '**/Dockerfile',
  'docker-compose*.yml',
  'compose*.yaml',
  'fly.toml',
  'Procfile',
  'k8s/**',
  'deploy/**',
  '.gitattributes',
  '.gitmodules',
] as const;
