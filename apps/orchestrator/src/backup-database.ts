import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createGzip } from 'node:zlib';
import { DriveError } from '@millwright/domain';
import { dump, entriesOf, load, ownMigrations } from '@millwright/store';
import { z } from 'zod';
import { copyJournal, journalIn } from './releases/offline-journal.ts';
import { bundleRepositories, unbundleRepositories } from './source-control/copies.ts';

// `millwright backup` and `restore`: a process of its own, for whoever owns the database, whether a factory runs on it or not. What is asked comes
// as JSON on stdin, since an address holds a password; `data` is the orchestrator's own folder. It prints one JSON line: what it did.

const Asked = z.discriminatedUnion('act', [
  /** Writes database, repositories and journal into `folder`. */
  z.strictObject({ act: z.literal('dump'), url: z.string(), data: z.string(), folder: z.string() }),
  /** Changes nothing: which migrations this version has, and how much the database holds. */
  z.strictObject({ act: z.literal('look'), url: z.string().nullable() }),
  /** Takes them from there into a database that was just migrated. */
  z.strictObject({ act: z.literal('load'), url: z.string(), data: z.string(), folder: z.string() }),
]);

const print = (line: object) => process.stdout.write(`${JSON.stringify(line)}\n`);
/** A table's file. */
const fileOf = (table: string): string => join('database', `${table}.copy.gz`);

async function done(asked: z.infer<typeof Asked>): Promise<object> {
  switch (asked.act) {
    case 'look':
      return {
        migrations: ownMigrations(),
        entries: asked.url === null ? 0 : await entriesOf(asked.url),
      };
    case 'dump': {
      const { url, data, folder } = asked;
      await mkdir(join(folder, 'database'), { mode: 0o700 });
      await mkdir(join(folder, 'repos'), { mode: 0o700 });
      // First: what the trail gets of it meanwhile, it gets once.
      const journal = copyJournal(data, folder) ? [journalIn('')] : [];
      const tables: string[] = [];
      const dumped = await dump(url, async (table, rows: Readable) => {
        await pipeline(
          rows,
          createGzip({ level: 1 }),
          createWriteStream(join(folder, fileOf(table)), { mode: 0o600 }),
        );
        tables.push(fileOf(table));
      });
      // Last: what the trail names is there by now.
      const repos = await bundleRepositories(join(data, 'repos'), join(folder, 'repos'));
      return { ...dumped, files: [...tables, ...repos.map((one) => join('repos', one)), ...journal] };
    }
    case 'load': {
      const { url, data, folder } = asked;
      await load(url, (table) => {
        const file = createReadStream(join(folder, fileOf(table)));
        const rows = createGunzip();
        file.once('error', (error) => rows.destroy(error));
        return file.pipe(rows);
      });
      await unbundleRepositories(join(folder, 'repos'), join(data, 'repos'));
      return {};
    }
  }
}

try {
  print({ done: await done(Asked.parse(JSON.parse(await text(process.stdin)))) });
} catch (error) {
  if (!(error instanceof DriveError)) throw error;
  print({ failed: { code: error.code, message: error.message } });
}
