// One vitest project over one package, as nx's targets run it: `node tools/test/vitest.ts unit libs/domain`. Its report stays in .nx/reports,
// where the tally finds it, and where nx puts it back for a package that has not changed.

import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

const [project = '', folder = ''] = process.argv.slice(2);
const root = join(import.meta.dirname, '../..');
const report = join(root, '.nx/reports', folder, `${project}.json`);
const args = [
  'run',
  '--project',
  project,
  '--tags-filter=!long',
  '--passWithNoTests',
  '--reporter=default',
  '--reporter=json',
];
const { status, error } = spawnSync(
  process.execPath,
  [join(root, 'node_modules/vitest/vitest.mjs'), ...args, `--outputFile.json=${report}`, `${folder}/`],
  { cwd: root, stdio: 'inherit' },
);
if (error) throw error;
process.exitCode = status ?? 1;
