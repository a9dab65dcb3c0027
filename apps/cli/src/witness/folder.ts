import { link, mkdir, open, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { generateKey, parseSignerKey, type SignerKey, type Witnessed } from '@millwright/audit/proof';
import { codeOf, failed } from '../fail.ts';

// What a witness keeps: its key (mode 0600), the key of the log it watches, the last checkpoint it cosigned, and evidence of what it
// refused. A folder of its own, which nobody who runs the factory should be able to write to.

export type WitnessFolder = {
  signer: SignerKey;
  /** The verifier key of the log: fixed with the first start. */
  logKey(): Promise<string | null>;
  pin(vkey: string): Promise<void>;
  last(): Promise<Witnessed | null>;
  /** Durable when it resolves: only then may the cosignature leave. */
  store(next: Witnessed): Promise<void>;
  /** Writes evidence once a name. */
  evidence(name: string, document: unknown): Promise<void>;
};

async function readText(file: string): Promise<string | null> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return null;
    throw error;
  }
}

async function replace(file: string, text: string): Promise<void> {
  const beside = `${file}.new`;
  const handle = await open(beside, 'w', 0o600);
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(beside, file);
}

async function signerOf(file: string, name: string): Promise<SignerKey> {
  const beside = `${file}.${process.pid}.new`;
  await writeFile(beside, `${generateKey(name, 'cosignature').secret}\n`, { mode: 0o600 });
  try {
    await link(beside, file);
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
  } finally {
    await rm(beside, { force: true });
  }
  if (((await stat(file)).mode & 0o077) !== 0)
    throw failed('key_exposed', `others may read ${file}`, { next: `chmod 600 ${file}` });
  const signer = parseSignerKey((await readFile(file, 'utf8')).trim());
  if (signer?.kind !== 'cosignature') throw failed('key_malformed', `${file} does not hold a witness's key`);
  return signer;
}

function parseState(text: string): Witnessed {
  const value: unknown = JSON.parse(text);
  if (value === null || typeof value !== 'object' || !('size' in value) || !('note' in value))
    throw new SyntaxError('not a state');
  const { size, note } = value;
  if (typeof size !== 'number' || typeof note !== 'string') throw new SyntaxError('not a state');
  return { size, note };
}

/** `name` is the key's, where it is made now. A state that cannot be read is an error: a witness that forgets is none. */
export async function openWitnessFolder(folder: string, name: string): Promise<WitnessFolder> {
  await mkdir(join(folder, 'evidence'), { recursive: true, mode: 0o700 });
  const at = (file: string) => join(folder, file);
  const signer = await signerOf(at('witness.key'), name);
  return {
    signer,
    logKey: async () => (await readText(at('log.vkey')))?.trim() ?? null,
    pin: (vkey) => replace(at('log.vkey'), `${vkey}\n`),
    last: async () => {
      const text = await readText(at('last.json'));
      if (text === null) return null;
      try {
        return parseState(text);
      } catch (error) {
        throw failed('state_unreadable', `${at('last.json')} cannot be read: ${String(error)}`, {
          next: 'bring back the file; without it this witness does not know what it has cosigned',
        });
      }
    },
    store: (next) => replace(at('last.json'), `${JSON.stringify(next)}\n`),
    evidence: async (file, document) => {
      try {
        await writeFile(join(folder, 'evidence', file), `${JSON.stringify(document, null, 1)}\n`, {
          flag: 'wx',
          mode: 0o600,
        });
      } catch (error) {
        if (codeOf(error) !== 'EEXIST') throw error;
      }
    },
  };
}
