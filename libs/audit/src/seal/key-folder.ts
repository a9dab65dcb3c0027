import { chmod, link, mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { terminal } from '@millwright/domain';
import { generateKey, parseSignerKey, type SignerKey } from '../proof/index.ts';

// The factory's checkpoint key and the last checkpoint that it signed: outside the database, so that whoever rewrites that has
// neither. Files are written beside and renamed; secrets have mode 0600 and go to no log and into no error.

const SIGNER = 'signer.key';
const NEXT = 'next.key';
const LAST = 'checkpoint';
const INTENDED = 'checkpoint.intended';

const missing = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === 'ENOENT';

async function write(file: string, text: string): Promise<void> {
  const handle = await open(file, 'w', 0o600);
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function readKey(file: string): Promise<SignerKey | null> {
  try {
    const { mode } = await stat(file);
    if ((mode & 0o077) !== 0)
      throw terminal('key-exposed', `others may read ${file}; run: chmod 600 ${file}, and rotate the key`);
    const signer = parseSignerKey((await readFile(file, 'utf8')).trim());
    if (signer === null) throw terminal('key-malformed', `${file} does not hold a signer key`);
    return signer;
  } catch (error) {
    if (missing(error)) return null;
    throw error;
  }
}

/** Made once, by whoever is first; everybody else reads what that one made. */
async function make(folder: string, name: string, origin: string): Promise<SignerKey> {
  const file = join(folder, name);
  const beside = `${file}.${process.pid}.new`;
  await write(beside, `${generateKey(origin, 'note').secret}\n`);
  try {
    await link(beside, file);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
  } finally {
    await rm(beside, { force: true });
  }
  const made = await readKey(file);
  if (made === null) throw terminal('key-missing', `${file} is gone again`);
  return made;
}

export type KeyFolder = {
  signer(): Promise<SignerKey | null>;
  create(origin: string): Promise<SignerKey>;
  /** The key to rotate to: made on the first call, kept until it is taken. */
  next(origin: string): Promise<SignerKey>;
  pending(): Promise<SignerKey | null>;
  /** The next key becomes the signer; the old secret is gone. */
  take(): Promise<void>;
  /** The last checkpoint known to be signed with these keys, as a note. */
  last(): Promise<string | null>;
  /** Before a checkpoint is handed out: what does not fit on the disk is not signed. */
  intend(note: string): Promise<void>;
  /** After it is stored. */
  confirm(): Promise<void>;
};

/** Throws terminal 'key-exposed' and 'key-malformed'. The folder is made, with mode 0700, where it is not there. */
export async function openKeyFolder(folder: string): Promise<KeyFolder> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await chmod(folder, 0o700);
  const at = (name: string) => join(folder, name);
  return {
    signer: () => readKey(at(SIGNER)),
    create: (origin) => make(folder, SIGNER, origin),
    next: (origin) => make(folder, NEXT, origin),
    pending: () => readKey(at(NEXT)),
    take: () => rename(at(NEXT), at(SIGNER)),
    last: async () => {
      try {
        return await readFile(at(LAST), 'utf8');
      } catch (error) {
        if (missing(error)) return null;
        throw error;
      }
    },
    intend: (note) => write(at(INTENDED), note),
    confirm: () => rename(at(INTENDED), at(LAST)),
  };
}
