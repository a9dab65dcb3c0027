import { copyFileSync, existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { ask, withDatabase } from '../backup/database.ts';
import { Keys, layIdentity, layKeys } from '../backup/keys.ts';
import { checkFiles, KEYS, type Manifest, readManifest } from '../backup/manifest.ts';
import { dataFolder, type Options } from '../connection.ts';
import { type Context, show } from '../context.ts';
import { codeOf, failed } from '../fail.ts';
import { count } from '../text/format.ts';
import { startChild } from '../up/child.ts';
import { migrateEnv } from '../up/environment.ts';
import { makeDataFolder, writePrivate } from '../up/identity.ts';
import { migrated } from '../up/migrated.ts';
import { type Database, placeOf } from '../up/postgres/database.ts';
import { serverUser } from '../up/postgres/user.ts';
import { version } from '../version.ts';

const Looked = z.object({
  migrations: z.array(z.object({ name: z.string(), sha256: z.string() })),
  entries: z.number(),
});

const occupied = (what: string, next: string) =>
  failed('not_empty', `${what}: a backup is restored into nothing`, { kept: 'it, as it is', next });

function checkEmpty(data: string): void {
  try {
    const there = readdirSync(data);
    if (there.length > 0)
      throw occupied(
        `${data} is not empty (${there.slice(0, 3).join(', ')}${there.length > 3 ? ', …' : ''})`,
        `name another folder: --data DIR    (or move it aside: mv ${data} ${data}.old)`,
      );
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error;
  }
}

async function checkVersion(manifest: Manifest, url: string | null): Promise<void> {
  const { migrations, entries } = await ask({ act: 'look', url }, Looked);
  if (JSON.stringify(migrations) !== JSON.stringify(manifest.migrations))
    throw failed(
      'other_version',
      `this backup was made by Millwright ${manifest.millwright} on another form of the database than this checkout's (${version()})`,
      {
        kept: 'nothing was restored',
        next: 'restore it with the checkout that made it, then upgrade: docs/backup.md',
      },
    );
  if (entries > 0)
    throw occupied(
      `the database at DATABASE_URL holds a factory of ${count(entries)} entries`,
      'give the address of an empty database',
    );
}

/** Where the embedded database will lie: somewhere else than in the data folder, there may be one of a former factory. */
function checkPlace(data: string): string {
  const place = placeOf(data, serverUser());
  if (existsSync(join(place, 'data')))
    throw occupied(
      `${place} holds the database of a former factory`,
      `move it aside: mv ${place} ${place}.old`,
    );
  return place;
}

async function fill(database: Database, data: string, folder: string, keys: Keys): Promise<void> {
  const log = join(data, 'logs', 'migrate.log');
  const migrating = startChild({
    ...{ name: 'migrate', file: 'apps/orchestrator/src/migrate.ts', log, heapMiB: 256 },
    env: migrateEnv(process.env, { url: database.url('migrator'), passwords: keys.passwords }),
  });
  await migrated(migrating, log);
  await ask(
    { act: 'load', url: database.url('migrator'), data: join(data, 'orchestrator'), folder },
    z.unknown(),
  );
}

/** Makes a factory of a backup, in a data folder that is empty; its next start says so on the trail, and begins halted. */
export async function restore(context: Context, [given = '']: string[], options: Options): Promise<void> {
  const [data, folder] = [dataFolder(options, process.env), resolve(given)];
  const { manifest, digest } = readManifest(folder);
  const file = typeof options.keys === 'string' ? resolve(options.keys) : join(folder, KEYS);
  await checkFiles(folder, file, manifest);
  checkEmpty(data);
  const { DATABASE_URL: url = '' } = process.env;
  await checkVersion(manifest, url || null);
  const keys = Keys.parse(JSON.parse(readFileSync(file, 'utf8')));
  const wasThere = existsSync(data);
  makeDataFolder(data);
  const made = wasThere ? [] : [data];
  try {
    if (!url) made.push(checkPlace(data));
    layKeys(data, keys, manifest.checkpoint?.note ?? null);
    for (const name of ['offline.db', 'models.json'])
      if (manifest.files.some(({ path }) => path === name))
        copyFileSync(
          join(folder, name),
          name === 'models.json' ? join(data, name) : join(data, 'orchestrator', name),
        );
    await withDatabase(data, keys.passwords, process.env, (database) => fill(database, data, folder, keys));
    const restored = { backup: `sha256:${digest}`, madeAt: manifest.madeAt, entries: manifest.entries };
    writePrivate(
      join(data, 'orchestrator', 'restored.json'),
      `${JSON.stringify({ ...restored, restoredAt: context.now() })}\n`,
    );
    layIdentity(data, keys);
  } catch (error) {
    for (const path of made) rmSync(path, { recursive: true, force: true });
    for (const name of wasThere ? readdirSync(data) : [])
      rmSync(join(data, name), { recursive: true, force: true });
    throw error;
  }
  const { factory, entries, madeAt } = manifest;
  show(context, { data, factory, entries, madeAt, backup: `sha256:${digest}` }, () => [
    `${factory} is in ${data}, as it was at ${new Date(madeAt).toISOString()}: ${count(entries)} entries`,
    'It will start halted: what was merged and released since is on branches and targets, and not on this trail.',
    `next: ./millwright up --data ${data}`,
    `then: ./millwright doctor --data ${data}    (and compare with a checkpoint that was kept elsewhere:`,
    `      ./millwright trail verify --earlier FILE --data ${data})`,
    `last: ./millwright resume --reason "…" --data ${data}`,
  ]);
}
