import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { codeOf } from '../fail.ts';
import { type Identity, readIdentity, writePrivate } from '../up/identity.ts';

// What of a factory is secret, in a file: who it is, what opens its database, its administrator's token, the key that signs its trail, and the one
// that its repositories' secrets are encrypted with.

const Password = z.string().min(1);
export const Keys = z.strictObject({
  factory: z.string(),
  passwords: z.strictObject({
    postgres: Password,
    migrator: Password,
    orchestrator: Password,
    runner: Password,
    redactor: Password,
  }),
  token: z.string(),
  /** Null where it had not been started yet. `next`: a rotation was under way. */
  signer: z.string().nullable(),
  next: z.string().nullable(),
  /** Base64. */
  secrets: z.string().nullable(),
});
export type Keys = z.infer<typeof Keys>;

const FILES = { signer: 'keys/signer.key', next: 'keys/next.key', secrets: 'secrets.key' } as const;

function ifThere(path: string): Buffer | null {
  try {
    return readFileSync(path);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return null;
    throw error;
  }
}

/** Of a data folder. Throws a `Fail` where it is no factory's. */
export function keysIn(data: string): Keys {
  const { factory, passwords, token }: Identity = readIdentity(data);
  const file = (name: keyof typeof FILES) => ifThere(join(data, 'orchestrator', FILES[name]));
  const text = (name: keyof typeof FILES) => file(name)?.toString('utf8') ?? null;
  return {
    ...{ factory, passwords, token },
    signer: text('signer'),
    next: text('next'),
    secrets: file('secrets')?.toString('base64') ?? null,
  };
}

/** Into the orchestrator's folder; with the checkpoint that is signed with them, so that a trail which ends before it is refused. */
export function layKeys(data: string, keys: Keys, checkpoint: string | null): void {
  const folder = join(data, 'orchestrator');
  mkdirSync(join(folder, 'keys'), { recursive: true, mode: 0o700 });
  const lay = (name: string, bytes: Buffer | string | null) => {
    if (bytes !== null) writePrivate(join(folder, name), bytes);
  };
  lay(FILES.signer, keys.signer);
  lay(FILES.next, keys.next);
  lay(FILES.secrets, keys.secrets === null ? null : Buffer.from(keys.secrets, 'base64'));
  lay('keys/checkpoint', checkpoint);
  writePrivate(join(data, 'token'), `${keys.token}\n`);
}

/** Last of all: a folder without it is no factory that could be started. */
export const layIdentity = (data: string, { factory, passwords }: Keys): void =>
  writePrivate(join(data, 'identity.json'), `${JSON.stringify({ factory, passwords })}\n`);
