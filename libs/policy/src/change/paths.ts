import { matchesAny } from './glob.ts';

// Which paths mean what (what is always protected: protected.ts). Patterns err towards more care: a false "sensitive" costs a person's minute, a missed one ships unseen.

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
    '**/*.{tf,tfvars,hcl}',
    '**/{ansible.cfg,inventory*,playbook*.yml,playbook*.yaml}',
    '**/terraform/**',
    '**/helm/**',
    '**/charts/**',
    '**/ansible/**',
    '**/{Makefile,GNUmakefile,justfile,Rakefile,Taskfile*,Gruntfile*,Gulpfile*}',
    '**/infra/**',
    '**/infrastructure/**',
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

// A `.md` deep in the sources may be a prompt or a template, which programs read: a document has the name *and* the extension of one.
const PROSE = '{md,markdown,rst,adoc,asciidoc,txt}';
const FOR_PEOPLE =
  '{README,CHANGELOG,CHANGES,HISTORY,NEWS,RELEASES,RELEASE_NOTES,CONTRIBUTING,CONTRIBUTORS,AUTHORS,MAINTAINERS,CODE_OF_CONDUCT,SECURITY,SUPPORT,GOVERNANCE,ROADMAP,LICENSE,LICENCE,COPYING,COPYRIGHT,NOTICE,FAQ,INSTALL,UPGRADING,MIGRATING,TROUBLESHOOTING,GLOSSARY,ARCHITECTURE,DESIGN,DEVELOPMENT,HACKING,TESTING,USAGE,TODO,ACKNOWLEDGEMENTS,CREDITS,PATENTS,THANKS}';
const DOCS = [
  `**/${FOR_PEOPLE}`,
  `**/${FOR_PEOPLE}.${PROSE}`,
  `**/{README,LICENSE,LICENCE}?*.${PROSE}`,
  `{docs,doc,documentation}/**/*.${PROSE}`,
];
const PICTURES = '{docs,doc,documentation}/**/*.{png,jpg,jpeg,gif,webp}';

// Of the runners' own patterns (node --test, vitest, jest, mocha, pytest, go, rspec): a name *and* an extension that the runner takes.
const SCRIPT = '{js,cjs,mjs,jsx,ts,cts,mts,tsx}';
const TESTS = [
  `**/*.{test,spec}.${SCRIPT}`,
  `**/*{-,_}test.{js,cjs,mjs}`,
  `**/test-*.{js,cjs,mjs}`,
  `{test,tests,spec}/**/*.${SCRIPT}`,
  `**/__tests__/**/*.${SCRIPT}`,
  '**/__snapshots__/**/*.snap',
  '**/test_*.py',
  '**/*_test.{py,go}',
  '{test,tests}/**/*.py',
  '**/*_{spec,test}.rb',
];

export const isManifest = (path: string): boolean => matchesAny(path, MANIFESTS);
/** By name and extension; whether a program loads it all the same is another question. */
export const isDocument = (path: string): boolean => matchesAny(path, DOCS) && !isManifest(path);
export const isPictureOfDocs = (path: string): boolean => matchesAny(path, [PICTURES]);
/** By name and extension, for where no run has said which files its tests are in. */
export const isTest = (path: string): boolean => matchesAny(path, TESTS) && !isManifest(path);

/** The name of the first group that holds `path`. */
export function groupOf(
  path: string,
  groups: Readonly<Record<string, readonly string[]>>,
): string | undefined {
  return Object.entries(groups).find(([, patterns]) => matchesAny(path, patterns))?.[0];
}
