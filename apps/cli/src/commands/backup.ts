import { copyFileSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { ask, withDatabase } from '../backup/database.ts';
import { keysIn } from '../backup/keys.ts';
import { FORMAT_OF_NOW, KEYS, MANIFEST, type Manifest, written } from '../backup/manifest.ts';
import { dataFolder, type Options } from '../connection.ts';
import { type Context, show } from '../context.ts';
import { failed, usage } from '../fail.ts';
import { count } from '../text/format.ts';
import { writePrivate } from '../up/identity.ts';
import { version } from '../version.ts';

const Dumped = z.object({
  entries: z.number(),
  checkpoint: z.object({ size: z.number(), note: z.string() }).nullable(),
  migrations: z.array(z.object({ name: z.string(), sha256: z.string() })),
  files: z.array(z.string()),
});

/** `5.1 MB`: decimal, as disks are sold. */
export const size = (bytes: number): string =>
  bytes < 1_000_000 ? `${Math.ceil(bytes / 1_000)} kB` : `${(bytes / 1_000_000).toFixed(1)} MB`;

/** Writes everything of a factory into a new folder, whole or not at all; what runs goes on. */
export async function backup(context: Context, [given = '']: string[], options: Options): Promise<void> {
  const [data, folder] = [dataFolder(options, process.env), resolve(given)];
  const apart = typeof options.keys === 'string' ? resolve(options.keys) : null;
  for (const path of [folder, ...(apart === null ? [] : [apart])])
    if (existsSync(path)) throw usage(`${path} is there already: nothing is written over`, 'name a new one');
  const before = keysIn(data);
  const part = `${folder}.part`;
  rmSync(part, { recursive: true, force: true });
  mkdirSync(part, { recursive: true, mode: 0o700 });
  try {
    const dumped = await withDatabase(data, before.passwords, process.env, (database) =>
      ask(
        { act: 'dump', url: database.url('migrator'), data: join(data, 'orchestrator'), folder: part },
        Dumped,
      ),
    );
    const text = `${JSON.stringify(keysIn(data), null, 2)}\n`;
    // The trail says which key signs it: a copy with the one of before would sign nothing.
    if (text !== `${JSON.stringify(before, null, 2)}\n`)
      throw failed('keys_changed', 'the key was rotated while the backup was made', {
        kept: 'the factory, as it is',
        next: `the same again: ./millwright backup ${given}`,
      });
    const files = [...dumped.files];
    if (existsSync(join(data, 'models.json'))) {
      copyFileSync(join(data, 'models.json'), join(part, 'models.json'));
      files.push('models.json');
    }
    const keys = join(part, KEYS);
    writePrivate(keys, text);
    const manifest: Manifest = {
      format: FORMAT_OF_NOW,
      millwright: version(),
      migrations: dumped.migrations,
      factory: before.factory,
      madeAt: context.now(),
      entries: dumped.entries,
      checkpoint: dumped.checkpoint,
      keys: await written(keys),
      files: await Promise.all(files.map(async (path) => ({ path, ...(await written(join(part, path))) }))),
    };
    writePrivate(join(part, MANIFEST), `${JSON.stringify(manifest, null, 2)}\n`);
    if (apart !== null) {
      // Another disk, as it should be, cannot be renamed to.
      writePrivate(apart, text);
      rmSync(keys);
    }
    renameSync(part, folder);
    const bytes = manifest.files.reduce((sum, one) => sum + one.bytes, 0);
    const at = apart ?? join(folder, KEYS);
    const repos = readdirSync(join(folder, 'repos')).length;
    show(
      context,
      {
        folder,
        keys: at,
        bytes,
        repos,
        factory: manifest.factory,
        entries: manifest.entries,
        madeAt: manifest.madeAt,
      },
      () => [
        `${folder}  ${size(bytes)}: ${count(manifest.entries)} entries, ${repos} ${repos === 1 ? 'repository' : 'repositories'}`,
        `${at}  who has it and the folder can read every secret and sign the trail${apart === null ? ': keep it apart' : ''}`,
      ],
    );
  } finally {
    rmSync(part, { recursive: true, force: true });
  }
}
