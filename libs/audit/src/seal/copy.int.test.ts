import { type TestDatabase, testDatabase } from '@millwright/store/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openPool, type Pool } from '../connect.ts';
import { copyOut } from './copy.ts';

let db: TestDatabase;
let pool: Pool;
beforeAll(async () => {
  db = await testDatabase();
  pool = openPool(db.url.orchestrator, { max: 1, deadlineMs: 20_000 });
});
afterAll(async () => {
  await pool.close();
  await db.close();
});

test('reads each kind of field, and nulls', async () => {
  const rows: unknown[] = [];
  const query = `select 9007199254740991::bigint, -2::bigint, 7::integer, 'a"ü€𝄞'::text, null::bytea, ''::bytea, '\\x00ff'::bytea`;
  await pool.use((sql) =>
    copyOut(sql, query, 7, (row) => {
      expect(() => row.bytes(4)).toThrow('is null');
      rows.push([row.bigint(0), row.bigint(1), row.integer(2), row.text(3), row.bytesOrNull(4)]);
      rows.push([row.bytes(5).length, row.hex(6), [...row.bytes(6)]]);
    }),
  );
  expect(rows).toEqual([
    [Number.MAX_SAFE_INTEGER, -2, 7, 'a"ü€𝄞', null],
    [0, '00ff', [0, 255]],
  ]);
});

test('reads none, and many, in order; the connection serves the next', async () => {
  const read = async (n: number, length: number) => {
    const seen: [number, number][] = [];
    const query = `select i, convert_to(repeat('x', ${length}), 'UTF8') from generate_series(1, ${n}) i`;
    await pool.use((sql) =>
      copyOut(sql, query, 2, (row) => seen.push([row.integer(0), row.bytes(1).length])),
    );
    expect(seen).toEqual(Array.from({ length: n }, (_, i) => [i + 1, length]));
  };
  await read(0, 1);
  await read(20_000, 100);
  // A row that is more than a stream buffers, and its end with it: postgres.js must not be left with its socket paused.
  for (const length of [60_000, 70_000, 3_000_000]) await read(1, length);
  await read(20, 1_000_000);
});

test('fails with what a row threw, with what the database says, and for other fields than were asked for', async () => {
  const copy = (query: string, fields: number, each = () => {}) =>
    pool.use((sql) => copyOut(sql, query, fields, each));
  const thrown = copy('select i from generate_series(1, 50000) i', 1, () => {
    throw new Error('enough');
  });
  await expect(thrown).rejects.toThrow('enough');
  await expect(copy('select 1 / (i - 3000) from generate_series(1, 5000) i', 1)).rejects.toThrow(
    'division by zero',
  );
  // With its first rows, in one packet.
  await expect(copy('select 1 / (i - 3) from generate_series(1, 5) i', 1)).rejects.toThrow(
    'division by zero',
  );
  await expect(copy('select nothing', 1)).rejects.toThrow('nothing');
  await expect(copy('select 1, 2', 1)).rejects.toThrow('other fields');
  await copy('select 1', 1);
});
