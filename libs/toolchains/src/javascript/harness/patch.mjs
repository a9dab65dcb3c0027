// Puts the harness into the runners that are installed in a workspace, before any code of the tree has run there: `node patch.mjs`.
// Nothing of it shows in arguments, environment or children, since it is the runners' own files that load it.
import {
  existsSync,
  lstatSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const ROOT = '@ROOT@';
const MODE = '@MODE@';
const SYSTEM = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin'];
// A script often checks style and types beside running the tests; the canary run is for the tests alone.
const BESIDE =
  /^(eslint|standard|semistandard|xo|prettier|tsc|biome|nyc|c8|ts-standard|cspell|knip|publint|attw|tsd|size-limit)$/;

const entries = (folder) => {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch {
    return []; // Not there, or no folder.
  }
};

/** Every folder of packages: the workspace's, its packages', and one level inside of them. */
function* packageFolders(folder, depth = 0) {
  for (const entry of entries(folder)) {
    if (!entry.isDirectory() || entry.name === '.git') continue;
    const path = join(folder, entry.name);
    if (entry.name !== 'node_modules') {
      if (depth < 6) yield* packageFolders(path, depth + 1);
      continue;
    }
    yield path;
    for (const inner of entries(path)) {
      const nested = join(path, inner.name, 'node_modules');
      if (inner.name !== '.pnpm') yield* existsSync(nested) ? [nested] : [];
      else
        for (const stored of entries(join(path, '.pnpm')))
          yield join(path, '.pnpm', stored.name, 'node_modules');
    }
  }
}

/** Changes a file once, unless it is not there. */
function change(file, how) {
  if (!existsSync(file) || !lstatSync(realpathSync(file)).isFile()) return;
  const path = realpathSync(file);
  const text = readFileSync(path, 'utf8');
  if (!text.includes(here)) writeFileSync(path, how(text));
}
const q = JSON.stringify;
const append = (line) => (text) => `${text}\n;${line}\n`;
/** After a first line that names the program. */
const prepend = (line) => (text) =>
  text.startsWith('#!') ? text.replace('\n', `\n${line}\n`) : `${line}\n${text}`;

console.log(`runtime ${process.version}`);
const folders = [...new Set(packageFolders(ROOT))];
for (const folder of folders) {
  // The system's programs are the system's: no package brings a sh of its own.
  for (const { name } of entries(join(folder, '.bin')))
    if (SYSTEM.some((bin) => existsSync(join(bin, name))))
      rmSync(join(folder, '.bin', name), { force: true });
  if (MODE === 'plain') continue;
  change(
    join(folder, 'mocha/lib/mocha.js'),
    append(`require(${q(join(here, 'mocha.cjs'))})(module.exports);`),
  );
  change(join(folder, 'mocha/lib/cli/cli.js'), append(`require(${q(join(here, 'mocha.cjs'))}).begin();`));
  change(
    join(folder, 'jest-config/build/index.js'),
    append(`module.exports = require(${q(join(here, 'jest.cjs'))})(module.exports);`),
  );
  change(
    join(folder, 'vitest/vitest.mjs'),
    () => `#!/usr/bin/env node
import ${q(join(here, 'vitest-begin.mjs'))};
import './dist/cli.js';
import ${q(join(here, 'vitest-end.mjs'))};
`,
  );
  if (MODE !== 'canary') continue;
  for (const { name } of entries(join(folder, '.bin')))
    if (BESIDE.test(name))
      change(join(folder, '.bin', name), (text) =>
        /^#!.*\bnode\b/.test(text)
          ? prepend(`process.on('exit', () => process.reallyExit(0)); /* ${here} */`)(text)
          : text,
      );
}
