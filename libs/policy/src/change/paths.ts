import { matchesAny } from './glob.ts';

// Which paths mean what. Patterns err towards more care: a false "sensitive" costs a person's minute, a missed one ships unseen.

const around = (...words: string[]): string[] =>
  words
    .flatMap((word) => [`**/${word}/**`, `**/${word}.*`, `**/*[-_.]${word}.*`])
    .flatMap((p) => separators(p));

/** `[-_.]` is not a glob of ours: written out. */
const separators = (pattern: string): string[] =>
  pattern.includes('[-_.]') ? ['-', '_', '.'].map((s) => pattern.replace('[-_.]', s)) : [pattern];

export const SENSITIVE = {
  authentication: around(
    'auth',
    'authn',
    'authz',
    'authentication',
    'authorization',
    'login',
    'session',
    'sessions',
    'oauth',
    'sso',
    'permissions',
    'passwords',
    'crypto',
  ),
  payment: around(
    'payment',
    'payments',
    'billing',
    'checkout',
    'invoice',
    'invoices',
    'payout',
    'payouts',
    'refund',
    'refunds',
    'stripe',
    'paypal',
    'ledger',
  ),
  policy: ['**/*.cedar', '**/*.cedarschema', '**/*.rego', '**/policy/**', '**/policies/**'],
} as const;

export const RAISED = {
  migration: [
    '**/migrations/**',
    '**/migration/**',
    '**/*.sql',
    '**/prisma/schema.prisma',
    '**/drizzle/**',
    '**/drizzle.config.*',
  ],
  infrastructure: [
    '**/*.tf',
    '**/terraform/**',
    '**/helm/**',
    '**/charts/**',
    '**/ansible/**',
    '**/nginx*.conf',
    '**/haproxy*.cfg',
    '**/*.service',
    '**/Makefile',
    '**/infra/**',
    '**/infrastructure/**',
    '**/.env',
    '**/.env.*',
  ],
  'continuous integration': [
    '**/.buildkite/**',
    '**/azure-pipelines*.yml',
    '**/.travis.yml',
    '**/.husky/**',
    '**/.npmrc',
    '**/.gitignore',
  ],
} as const;

const MANIFESTS = [
  '**/package.json',
  '**/package-lock.json',
  '**/npm-shrinkwrap.json',
  '**/yarn.lock',
  '**/pnpm-lock.yaml',
  '**/pnpm-workspace.yaml',
  '**/bun.lock',
  '**/bun.lockb',
  '**/.npmrc',
  '**/.yarnrc*',
  '**/requirements*.txt',
  '**/pyproject.toml',
  '**/poetry.lock',
  '**/uv.lock',
  '**/Pipfile',
  '**/Pipfile.lock',
  '**/setup.py',
  '**/setup.cfg',
  '**/go.mod',
  '**/go.sum',
  '**/go.work',
  '**/Cargo.toml',
  '**/Cargo.lock',
  '**/Gemfile',
  '**/Gemfile.lock',
  '**/*.gemspec',
  '**/pom.xml',
  '**/build.gradle*',
  '**/composer.json',
  '**/composer.lock',
  '**/deno.json*',
];

// A `.md` deep in the sources may be a prompt or a template, which programs read: only what is plainly for people is a document.
const DOCS = [
  '*.md',
  '**/README*',
  '**/CHANGELOG*',
  '**/CONTRIBUTING*',
  'LICENSE*',
  'NOTICE*',
  '{docs,doc}/**/*.{md,mdx,txt,rst,adoc,png,jpg,jpeg,svg,gif}',
];
const TESTS = [
  '**/*.test.*',
  '**/*.spec.*',
  '**/*_test.go',
  '**/test_*.py',
  '{test,tests,spec}/**',
  '**/__tests__/**',
  '**/__snapshots__/**',
];

export const isManifest = (path: string): boolean => matchesAny(path, MANIFESTS);
export const isDocument = (path: string): boolean => matchesAny(path, DOCS);
export const isTest = (path: string): boolean => matchesAny(path, TESTS) && !isManifest(path);

/** The name of the first group that holds `path`. */
export function groupOf(
  path: string,
  groups: Readonly<Record<string, readonly string[]>>,
): string | undefined {
  return Object.entries(groups).find(([, patterns]) => matchesAny(path, patterns))?.[0];
}
