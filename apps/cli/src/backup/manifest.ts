import { createHash } from 'node:crypto';
import { createReadStream, existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { z } from 'zod';
import { codeOf, type Fail, failed, usage } from '../fail.ts';

// What a backup is: a folder with the files below, and a manifest that has the digest of each. The keys are in a file of their own, so that it can
// be kept apart; the manifest has its digest too, and says nothing of what is in it.

/** Of the layout, not of Millwright. */
const FORMAT = 1;
export const MANIFEST = 'manifest.json';
export const KEYS = 'keys.json';
const FOLDERS = ['database', 'repos'];

const Sha256 = z.string().regex(/^[0-9a-f]{64}$/);
const Written = z.strictObject({ bytes: z.number().int().nonnegative(), sha256: Sha256 });
export type Written = z.infer<typeof Written>;
const Migration = z.strictObject({ name: z.string(), sha256: Sha256 });
/** Nothing outside of the folder can be named. */
const Path = z
  .string()
  .regex(
    /^(database\/[a-z_]+\.copy\.gz|repos\/[0-9A-Za-z][0-9A-Za-z._-]*\.bundle|offline\.db|models\.json)$/,
  );

export const Manifest = z.strictObject({
  format: z.literal(FORMAT),
  /** The version that made it, and what it had applied to its database. */
  millwright: z.string(),
  migrations: z.array(Migration),
  factory: z.string(),
  madeAt: z.number().int().nonnegative(),
  /** On the trail, and the latest checkpoint signed on it, as of the snapshot. */
  entries: z.number().int().nonnegative(),
  checkpoint: z.strictObject({ size: z.number().int().positive(), note: z.string() }).nullable(),
  keys: Written,
  files: z.array(Written.extend({ path: Path })),
});
export type Manifest = z.infer<typeof Manifest>;

export const FORMAT_OF_NOW: typeof FORMAT = FORMAT;

/** Length and SHA-256 of a file, read in pieces. */
export async function written(path: string): Promise<Written> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return { bytes: statSync(path).size, sha256: hash.digest('hex') };
}

const digestOf = (text: string): string => createHash('sha256').update(text).digest('hex');

const damaged = (what: string): Fail =>
  failed('backup_damaged', `${what}: this is not what was backed up`, {
    kept: 'nothing was restored',
    next: 'restore another copy of it',
  });

/** Throws a `Fail` where there is no backup, or one of another version of this layout. */
export function readManifest(folder: string): { manifest: Manifest; digest: string } {
  if (!existsSync(folder)) throw usage(`there is no folder ${folder}`, 'name the folder of a backup');
  const path = join(folder, MANIFEST);
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if (codeOf(error) !== 'ENOENT' && codeOf(error) !== 'ENOTDIR') throw error;
    throw usage(`${folder} is no backup: it has no ${MANIFEST}`, 'name a folder that `backup` wrote');
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw damaged(`${path} is no JSON`);
  }
  const format = z.looseObject({ format: z.number() }).safeParse(value);
  if (format.success && format.data.format !== FORMAT)
    throw failed(
      'other_version',
      `${folder} has layout ${format.data.format}, and this version reads ${FORMAT}`,
      {
        kept: 'nothing was restored',
        next: 'restore it with the Millwright that made it',
      },
    );
  const parsed = Manifest.safeParse(value);
  if (!parsed.success) throw damaged(`${path} does not say what it has to`);
  return { manifest: parsed.data, digest: digestOf(text) };
}

async function checkFile(path: string, { bytes, sha256 }: Written): Promise<void> {
  if (!existsSync(path)) throw damaged(`${path} is missing`);
  const { size } = statSync(path);
  if (size !== bytes) throw damaged(`${path} has ${size} bytes instead of ${bytes}`);
  if ((await written(path)).sha256 !== sha256) throw damaged(`${path} has other bytes`);
}

/** Throws a `Fail` at the first file that is missing, added, cut short or changed. */
export async function checkFiles(folder: string, keys: string, manifest: Manifest): Promise<void> {
  if (!existsSync(keys))
    throw usage(
      `there is no ${keys}: the keys of this backup are kept elsewhere`,
      'name that file: --keys FILE',
    );
  await checkFile(keys, manifest.keys);
  for (const file of manifest.files) await checkFile(join(folder, file.path), file);
  for (const inside of FOLDERS)
    for (const name of readdirSync(join(folder, inside)))
      if (!manifest.files.some(({ path }) => path === `${inside}/${name}`))
        throw damaged(`${join(folder, inside, name)} is none of its files`);
}
