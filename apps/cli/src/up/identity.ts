import { createHash, randomBytes } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { codeOf, failed, messageOf } from '../fail.ts';

export type Passwords = Record<'postgres' | 'migrator' | 'orchestrator' | 'runner' | 'redactor', string>;

/** What makes a data folder this factory and no other; made once, mode 0600. */
export type Identity = { factory: string; passwords: Passwords; token: string };

const ROLES = ['postgres', 'migrator', 'orchestrator', 'runner', 'redactor'] as const;
const secret = () => randomBytes(24).toString('hex');

/** Writes whole or not at all. */
export function writePrivate(path: string, content: string | Uint8Array): void {
  const aside = `${path}.${process.pid}`;
  writeFileSync(aside, content, { mode: 0o600 });
  renameSync(aside, path);
}

/** Level by level: Node's own recursive mkdir never returns where a file system says ENOENT to a folder that is there (as /proc does; Node 24.21). */
function makeFolder(path: string, mode: number): void {
  if (existsSync(path)) return;
  makeFolder(dirname(path), mode);
  mkdirSync(path, { mode });
}

/** Makes the data folder. Others may pass through it (Postgres's own user must) but not list it; every file in it is private. */
export function makeDataFolder(data: string): void {
  try {
    makeFolder(data, 0o711);
    makeFolder(join(data, 'logs'), 0o700);
    if (process.getuid?.() === statSync(data).uid) chmodSync(data, 0o711);
  } catch (error) {
    throw failed('data_folder', `the data folder ${data} cannot be made or written: ${messageOf(error)}`, {
      next: 'name another: --data DIR',
    });
  }
}

function isPasswords(value: unknown): value is Passwords {
  return (
    typeof value === 'object' &&
    value !== null &&
    ROLES.every((role) => role in value && typeof (value as Record<string, unknown>)[role] === 'string')
  );
}

function read(path: string): { factory: string; passwords: Passwords } {
  try {
    const value: unknown = JSON.parse(readFileSync(path, 'utf8'));
    if (
      typeof value === 'object' &&
      value !== null &&
      'factory' in value &&
      'passwords' in value &&
      typeof value.factory === 'string' &&
      isPasswords(value.passwords)
    )
      return { factory: value.factory, passwords: value.passwords };
  } catch (error) {
    if (!(error instanceof SyntaxError) && codeOf(error) === undefined) throw error;
  }
  throw failed('identity', `${path} cannot be read as this factory's identity`, {
    kept: 'the database beside it',
    next: 'restore that file, or start on another data folder: --data DIR',
  });
}

/** Of a factory that was started before. Throws a `Fail` where the folder is none's, or may not be read. */
export function readIdentity(data: string): Identity {
  const path = join(data, 'identity.json');
  try {
    statSync(path);
    return { ...read(path), token: readFileSync(join(data, 'token'), 'utf8').trim() };
  } catch (error) {
    if (codeOf(error) !== 'ENOENT' && codeOf(error) !== 'ENOTDIR') throw error;
    throw failed('no_factory', `${data} is no factory's folder: it has no identity`, {
      next: "name the factory's folder: --data DIR",
    });
  }
}

/** The data folder's identity and administrator's token, made where there is none. */
export function identityOf(data: string): Identity {
  const path = join(data, 'identity.json');
  if (!existsSync(path)) {
    const left = ['database.json', 'postgres', 'orchestrator'].filter((name) => existsSync(join(data, name)));
    if (left.length > 0)
      throw failed(
        'identity_lost',
        `${path} is gone, and ${data} holds a factory (${left.join(', ')}): without its identity nobody can open its database`,
        {
          kept: 'the database, and all that it holds',
          next: `restore it: cp BACKUP/identity.json ${path}    (or begin anew: ./millwright up --data DIR)`,
        },
      );
    const passwords = Object.fromEntries(ROLES.map((role) => [role, secret()]));
    const factory = `fac_${BigInt(`0x${randomBytes(10).toString('hex')}`)
      .toString(36)
      .padStart(16, '0')}`;
    writePrivate(path, `${JSON.stringify({ factory, passwords })}\n`);
  }
  const tokenPath = join(data, 'token');
  if (!existsSync(tokenPath)) writePrivate(tokenPath, `mwt_${randomBytes(32).toString('base64url')}\n`);
  return { ...read(path), token: readFileSync(tokenPath, 'utf8').trim() };
}

/** What the orchestrator knows of the token. */
export const hashOf = (token: string): string => createHash('sha256').update(token).digest('hex');
