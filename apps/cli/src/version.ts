import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './up/root.ts';

/** Of this checkout: the CLI and the factory that it starts are one. */
export function version(): string {
  const { version: said } = JSON.parse(readFileSync(join(ROOT, 'apps/cli/package.json'), 'utf8'));
  return String(said);
}
