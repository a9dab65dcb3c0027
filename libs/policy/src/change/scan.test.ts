import { describe, expect, test } from 'vitest';
import { removedEndpoints } from './endpoints.ts';
import { newIrreversible } from './irreversible.ts';

/** The two sides of a file that a hunk shows: lines begin with what git's have, ` `, `-` and `+`. Context stands around it. */
function sides(lines: readonly string[]) {
  const text = (sign: '-' | '+') =>
    `${['const above = 1;', ...lines.filter((line) => line[0] === sign || line[0] === ' ').map((line) => line.slice(1)), ''].join('\n')}`;
  return { before: text('-'), after: text('+') };
}
const found = (lines: readonly string[], path = 'src/a.js') => {
  const { before, after } = sides(lines);
  return [...newIrreversible(path, before, after), ...removedEndpoints([{ path, before, after }])];
};
const statements = (lines: readonly string[], path?: string) =>
  found(lines, path).map((one) => one.statement);

describe('irreversible statements', () => {
  test.each([
    ['DROP', 'DROP TABLE carts;'],
    ['DROP', 'await sql`drop   table carts`;'],
    ['ALTER … DROP', 'ALTER TABLE carts DROP total;'],
    ['TRUNCATE', 'TRUNCATE carts;'],
    ['TRUNCATE', 'truncate table carts'],
    ['TRUNCATE', 'truncate carts;'],
    ['TRUNCATE', 'await sql`truncate carts`;'],
    ['DELETE without WHERE', 'DELETE FROM carts;'],
    ['DELETE without WHERE', 'DELETE FROM carts WHERE true;'],
    ['DELETE without WHERE', "db.query('delete from carts'); // where it hurts"],
    ['ALTER … TYPE', 'ALTER TABLE carts ALTER COLUMN total TYPE smallint;'],
    ['ALTER … TYPE', 'ALTER COLUMN total SET DATA TYPE smallint'],
    ['schema pushed or reset', '"migrate": "drizzle-kit push"'],
    ['force-push', 'git push --force origin main'],
    ['force-push', 'git push -f'],
    ['force-push', 'git -C /srv/shop push -q origin main --force'],
    ['force-push', "await git(['push', 'origin', '--force'])"],
    ['force-push', 'git push origin +main'],
    ['rm -rf', 'rm -rf /var/lib/shop'],
    ['rm -rf', 'rm -fr "$DATA"'],
    ['rm -rf', 'rm -Rf /var/lib/shop'],
    ['rm -rf', 'rm -r -f -- /var/lib/shop'],
    ['rm -rf', 'rm --recursive --force ~/data'],
    ['rm -rf', 'find /var/lib/shop -type f -delete'],
    ['volume removed', 'docker compose down -v'],
    ['FLUSHALL or FLUSHDB', 'redis-cli FLUSHALL'],
    ['drop of a table, column or collection', "knex.schema.dropTable('carts')"],
    ['delete of everything', 'await prisma.cart.deleteMany({})'],
    ['delete of everything', 'await db.delete(carts);'],
    ['ALTER … TYPE', 'ALTER TABLE carts MODIFY total smallint;'],
    ['RENAME', 'ALTER TABLE carts RENAME COLUMN total TO sum;'],
    ['SET NOT NULL', 'ALTER TABLE carts ALTER COLUMN total SET NOT NULL;'],
    ['ADD COLUMN … NOT NULL without DEFAULT', 'ALTER TABLE carts ADD COLUMN total integer NOT NULL;'],
  ])('%s in %s', (expected, line) => {
    expect(statements([`+${line}`])).toContain(expected);
  });

  // Expand and contract: what only expands is reversible, since the release before goes on working beside it.
  test.each([
    'CREATE TABLE carts (id integer NOT NULL);',
    'ALTER TABLE carts ADD COLUMN total integer;',
    'ALTER TABLE carts ADD COLUMN total integer NOT NULL DEFAULT 0;',
    'ALTER TABLE carts ADD COLUMN a integer, ADD COLUMN b integer NOT NULL DEFAULT 0;',
    'CREATE INDEX carts_total ON carts (total);',
    'UPDATE carts SET total = old_total WHERE total IS NULL;',
  ])('expands only: %s', (line) => {
    expect(statements([`+${line}`], 'migrations/2.sql')).toEqual([]);
  });

  test.each([
    ['drops column `weight`', 'ALTER TABLE products DROP COLUMN IF EXISTS "weight";'],
    ['drops table `shop.carts`', 'drop table if exists shop.carts;'],
    ['empties table `carts`', 'TRUNCATE carts;'],
    ['deletes every row of `carts`', 'DELETE FROM carts;'],
    ['changes the type of column `total`', 'ALTER TABLE carts ALTER COLUMN total TYPE smallint;'],
    ['renames column `total`', 'ALTER TABLE carts RENAME COLUMN total TO sum;'],
    ['renames table `carts`', 'ALTER TABLE carts RENAME TO baskets;'],
    [
      'adds column `a`, which the release before would have to fill',
      'ALTER TABLE carts ADD COLUMN a integer NOT NULL;',
    ],
  ])('says that it %s', (what, line) => {
    expect(found([`+${line}`]).map((one) => one.what)).toContain(what);
  });

  test.each([
    ['GET /carts', "app.get('/carts', list);"],
    ['POST /carts/:id', 'router.post<Body>("/carts/:id", put);'],
    ['DELETE /carts', "@Delete('/carts')"],
    ['GET /carts', "  { method: 'GET', path: '/carts', handle },"],
  ])('a public endpoint that goes: %s', (name, line) => {
    expect(found([`-${line}`])).toEqual([
      {
        path: 'src/a.js',
        line: 2,
        statement: 'public endpoint removed',
        what: `removes endpoint \`${name}\``,
      },
    ]);
    expect(statements([`-${line}`, `+${line} // moved`])).toEqual([]);
    expect(statements([`+${line}`])).toEqual([]);
    expect(statements([`-${line}`], 'test/a.test.js')).toEqual([]);
  });

  test('endpoints over several lines and of an OpenAPI description; a client that asks no more is none', () => {
    expect(statements(['-    {', "-      method: 'GET',", "-      path: '/products',", '-    },'])).toEqual([
      'public endpoint removed',
    ]);
    expect(statements(['-  /carts:', '-    get:'], 'openapi.yaml')).toEqual(['public endpoint removed']);
    expect(statements(["-await client.get('/carts');"])).toEqual([]);
  });

  test.each([
    'DELETE FROM carts WHERE id = 1;',
    'const short = truncate(text, 80);',
    'git push origin main',
    'rm -rf dist',
    'items.delete(id)',
    'await db.delete(carts).where(eq(carts.id, id));',
    '// truncate the text',
    'rm -f /tmp/lock',
    'rm -r build',
    'drop the ball',
    'type Total = number;',
  ])('not in %s', (line) => {
    expect(statements([`+${line}`])).toEqual([]);
  });

  test('over several lines, and only where the change adds', () => {
    expect(statements(['+DROP', '+  TABLE carts;'])).toEqual(['DROP']);
    expect(statements([' ALTER TABLE carts', '+  DROP COLUMN total;'])).toContain('DROP');
    expect(statements(['+DELETE FROM carts', '+  WHERE id = 1;'])).toEqual([]);
    expect(statements(['+DELETE', '+  FROM carts;'])).toEqual(['DELETE without WHERE']);
    expect(
      statements(['+ALTER TABLE carts', '+  ALTER COLUMN total', '+  SET DATA', '+  TYPE smallint;']),
    ).toEqual(['ALTER … TYPE']);
    expect(statements([' DROP TABLE carts;', '+', ' SELECT 1;', '+SELECT 2;'])).toEqual([]);
    expect(statements(['-DROP TABLE carts;', '+SELECT 1;'])).toEqual([]);
    expect(statements([' DROP TABLE carts;', '+SELECT 1;'])).toEqual([]);
  });

  test('a comment neither hides a statement nor bounds it, and a string that opens one hides nothing', () => {
    expect(statements(['+DROP /* the old */ TABLE carts;'])).toEqual(['DROP']);
    expect(statements(['+DROP -- the old', '+TABLE carts;'], 'migrations/2.sql')).toEqual(['DROP']);
    expect(statements(['+DELETE FROM carts -- where id = 1', '+;'], 'migrations/2.sql')).toEqual([
      'DELETE without WHERE',
    ]);
    expect(statements(["+run('/*'); run('DROP TABLE carts'); run('*/');"])).toEqual(['DROP']);
  });

  test('megabytes of half a statement on one line are read in one go', () => {
    for (const half of ['alter table x ', 'rm -r -f ', 'delete from x ', '/* ', 'git push ', "'push', "])
      expect(statements([`+${half.repeat(20_000)}`]).length).toBeLessThan(3);
  });

  test('names the line as it stands after the change', () => {
    expect(found([' a', '-b', ' c', '+DROP TABLE carts;'], 'db/1.sql')).toEqual([
      { path: 'db/1.sql', line: 4, statement: 'DROP', what: 'drops table `carts`' },
    ]);
  });

  test('what only moves is not new, and what a change makes an act is', () => {
    expect(statements(['-DROP TABLE carts;', ' SELECT 1;', '+DROP TABLE carts;'])).toEqual([]);
    expect(statements([' DROP TABLE carts;', '+DROP TABLE carts;'])).toEqual(['DROP']);
    expect(statements(['-/*', ' DROP TABLE carts;', '-*/'])).toEqual(['DROP']);
    expect(statements(['--- DROP TABLE carts;', '+DROP TABLE carts;'], 'db/1.sql')).toEqual(['DROP']);
    expect(statements([' DELETE FROM carts', '-WHERE id = 1;', '+;'], 'db/1.sql')).toEqual([
      'DELETE without WHERE',
    ]);
    expect(statements(["+run('DROP ' +", "+  'TABLE carts');"])).toEqual(['DROP']);
  });
});

describe('an update, or a condition, that bounds nothing', () => {
  test.each([
    'UPDATE carts SET total = 0;',
    'update only shop.carts as c set total = 0',
    "UPDATE `carts` SET `total` = 0, name = 'x';",
    'UPDATE carts SET total = 0 WHERE true;',
    'UPDATE carts SET total = 0 WHERE 1=1;',
    'UPDATE carts SET total = 0 WHERE id = id;',
    'UPDATE carts SET total = 0 WHERE carts.id IS NOT NULL;',
    'UPDATE carts SET total = 0 WHERE id > 0;',
    "UPDATE carts SET total = 0 WHERE name LIKE '%';",
    "UPDATE carts SET total = 0 WHERE paid = 1 OR 'a' = 'a';",
    'UPDATE carts SET total = 0 WHERE (id = 3 OR (1 = 1));',
    'UPDATE carts SET total = 0 WHERE total >= total AND 2 > 1;',
    'UPDATE carts SET total = 0 WHERE NOT false RETURNING id;',
    'UPDATE carts SET total = 0 WHERE id IN (SELECT id FROM carts);',
    'DELETE FROM carts WHERE id = id;',
    'DELETE FROM carts WHERE EXISTS (SELECT 1);',
    'DELETE c FROM carts c;',
    'DELETE FROM carts LIMIT 10;',
    'DELETE FROM carts WHERE NOT (1 = 0);',
    'DELETE FROM carts WHERE id = carts.id;',
    'DELETE FROM carts WHERE coalesce(1, 2) = 1;',
    'DELETE FROM carts WHERE length(name) >= 0;',
    'UPDATE carts SET total = (SELECT a FROM b WHERE b.id = 1);',
    ...[
      'DELETE FROM carts WHERE id IN (id);',
      'DELETE FROM carts WHERE id IN (1, id);',
      'DELETE FROM carts WHERE EXISTS (SELECT 1 FROM carts);',
      'DELETE FROM carts WHERE EXISTS (SELECT 1 FROM owners WHERE owners.id = 1);',
      'DELETE FROM carts WHERE id = ANY(SELECT id FROM carts);',
      'DELETE FROM carts WHERE id = ANY (ARRAY(SELECT id FROM carts));',
      'DELETE FROM carts WHERE id IN (SELECT id FROM carts WHERE id = id);',
      'DELETE FROM carts WHERE id NOT IN (SELECT id FROM gone);',
    ],
    ...[
      'DELETE FROM carts WHERE total IS NULL OR total IS NOT NULL;',
      'DELETE FROM carts WHERE paid OR NOT paid;',
      'DELETE FROM carts WHERE paid = true OR paid = false;',
      'DELETE FROM carts WHERE paid IN (true, false);',
      'DELETE FROM carts WHERE total > 5 OR total <= 5;',
      "DELETE FROM carts WHERE owner = 'ann' OR owner <> 'ann';",
      'DELETE FROM carts WHERE NOT (id IS NULL);',
      'DELETE FROM carts WHERE NOT (total IS NULL AND paid);',
      'DELETE FROM carts WHERE id <> 0;',
    ],
    ...[
      'DELETE FROM carts WHERE id = id + 0;',
      'DELETE FROM carts WHERE id = 1 + id - 1;',
      'DELETE FROM carts WHERE id = abs(id);',
      'DELETE FROM carts WHERE coalesce(id, 1) = id;',
      'DELETE FROM carts WHERE CASE WHEN id = 1 THEN true ELSE true END;',
      'DELETE FROM carts WHERE (id = 1) IS NOT NULL;',
      'DELETE FROM carts WHERE id = 1 || 1 = 1;',
      'DELETE FROM carts WHERE id;',
      'DELETE FROM carts WHERE TRUE;',
    ],
    ...[
      "DELETE FROM carts WHERE name REGEXP '.*';",
      "DELETE FROM carts WHERE name ~ '.*';",
      "DELETE FROM carts WHERE name LIKE '%';",
      "DELETE FROM carts WHERE name ILIKE '_%';",
      "DELETE FROM carts WHERE name NOT LIKE 'x';",
      "DELETE FROM carts WHERE name >= '';",
      'DELETE FROM carts WHERE id BETWEEN 0 AND 2147483647;',
      'DELETE FROM carts WHERE id <= 2147483647;',
      'DELETE FROM carts WHERE total BETWEEN -1 AND 9999999999;',
      'DELETE FROM carts WHERE total >= 0;',
      "DELETE FROM carts WHERE created_at > '1970-01-01';",
      'DELETE FROM carts WHERE created_at <= now();',
      'DELETE FROM carts WHERE created_at IS NOT NULL;',
    ],
  ])('%s', (line) => {
    expect(statements([`+${line}`], 'migrations/2.sql')).toHaveLength(1);
    expect(statements([`+await db.query("${line}");`]).length).toBeGreaterThan(0);
  });

  test.each([
    'UPDATE carts SET total = 0 WHERE id = 1;',
    "UPDATE carts SET name = 'x', total = 2 WHERE id = 1;",
    'UPDATE carts SET total = old_total WHERE total IS NULL;',
    'UPDATE carts SET total = 0 WHERE deleted_at IS NOT NULL;',
    'UPDATE carts SET total = 0 WHERE quantity > 0;',
    'UPDATE carts SET total = 0 WHERE id = $1 OR owner = $2;',
    'UPDATE carts SET total = 0 WHERE at BETWEEN 1 AND 2;',
    "DELETE FROM carts WHERE owner = 'ann' AND 1 = 1;",
    'DELETE FROM carts USING owners WHERE carts.owner = owners.id;',
    'INSERT INTO a VALUES (1) ON CONFLICT (id) DO UPDATE SET total = 1;',
    'FOREIGN KEY (a) REFERENCES b ON UPDATE SET NULL ON DELETE CASCADE;',
    'SELECT * FROM carts FOR UPDATE;',
    'UPDATE carts SET total = b.total FROM b WHERE carts.id = b.id;',
    'WITH gone AS (DELETE FROM carts WHERE id = 1 RETURNING id) SELECT count(*) FROM gone;',
    'DELETE FROM carts WHERE id = :id;',
    'DELETE FROM carts WHERE id = @id AND 1 = 1;',
    'DELETE FROM carts WHERE now() > expires_at;',
    ...[
      "DELETE FROM carts WHERE created_at < now() - interval '30 days';",
      'DELETE FROM carts WHERE created_at < DATE_SUB(NOW(), INTERVAL 30 DAY);',
      "DELETE FROM carts WHERE created_at < datetime('now', '-1 day');",
      "DELETE FROM carts WHERE created_at < '2024-01-01';",
      'DELETE FROM carts WHERE id > $1 AND id <= $2;',
      'DELETE FROM carts WHERE id BETWEEN $1 AND $2;',
    ],
    ...[
      'DELETE FROM carts WHERE id IN (1, 2, 3);',
      'DELETE FROM carts WHERE id IN ($1, $2);',
      'DELETE FROM carts WHERE id = ANY($1::bigint[]);',
      'DELETE FROM carts WHERE id IN (SELECT cart_id FROM gone WHERE owner = $1);',
      'DELETE FROM carts WHERE EXISTS (SELECT 1 FROM owners WHERE owners.id = carts.owner AND gone);',
      'DELETE FROM carts WHERE (owner, shop) = ($1, $2);',
      'DELETE FROM carts WHERE (owner, shop) IN ((1, 2), (3, 4));',
      'DELETE FROM carts c WHERE c.owner_id = $1::uuid;',
      'DELETE FROM carts WHERE [owner] = @owner;',
    ],
    ...[
      "DELETE FROM carts WHERE lower(email) = lower($1) AND data->>'kind' = 'x';",
      "DELETE FROM carts WHERE name LIKE 'tmp%';",
      "DELETE FROM carts WHERE name LIKE '%' || $1 || '%';",
      "DELETE FROM carts WHERE name ~ '^tmp-';",
      'DELETE FROM carts WHERE expired;',
      'DELETE FROM carts WHERE NOT active AND paid IS FALSE;',
      'DELETE FROM carts WHERE locked_at IS NULL OR locked_at < $1;',
      'DELETE FROM carts WHERE CURRENT OF each_cart;',
      'DELETE FROM carts WHERE id = %s AND name = %(name)s;',
      // biome-ignore lint/suspicious/noTemplateCurlyInString: it is a source
      'DELETE FROM carts WHERE id = ${id} -- the one',
      'DELETE FROM carts WHERE id = #{id}',
      'DELETE FROM carts WHERE id = {id}',
      'UPDATE carts SET total = 0 WHERE id = old_id RETURNING *;',
    ],
  ])('bounded: %s', (line) => {
    expect(statements([`+${line}`], 'migrations/2.sql')).toEqual([]);
    expect(statements([`+await db.query("${line}");`])).toEqual([]);
  });

  test('prose of updates is none', () => {
    expect(statements(['+// Update the set of carts, then delete what is from before.'])).toEqual([]);
  });
});

describe('acts of programs', () => {
  test.each([
    ...[
      'rmSync(folder, { recursive: true })',
      'await fs.promises.rm(path, { recursive: true, force: true });',
      "rmSync('/var/lib', { recursive: true });",
    ],
    ...[
      "rmSync('../data', { recursive: true });",
      'rmSync(folder, options)',
      'fs.rmdirSync(a, {\n  recursive: true,\n});',
      'rimraf(folder)',
      'shutil.rmtree(path)',
      'os.RemoveAll(path)',
    ],
    ...[
      'FileUtils.rm_rf(path)',
      'await collection.drop();',
      'db.dropDatabase()',
      "db.collection('a').drop()",
      'await carts.deleteMany({});',
      'carts.deleteMany()',
    ],
    ...[
      'Model.destroy({ where: {} })',
      'Model.destroy({ truncate: true })',
      "knex('carts').del()",
      "knex('carts').truncate()",
      'await db.update(carts).set({ total: 0 });',
    ],
    ...[
      'Cart.objects.all().delete()',
      'Cart.delete_all',
      'session.query(Cart).delete()',
      'op.drop_column("a", "b")',
      'remove_column :a, :b',
      'redis.flushall()',
      'await redis.flushDb();',
    ],
    ...[
      'kubectl delete ns shop',
      'kubectl -n shop delete pvc data',
      'helm uninstall shop',
      'terraform destroy',
      'terraform -chdir=infra destroy',
      'terraform apply -destroy',
      'tofu state rm a',
    ],
    ...[
      'pulumi destroy',
      'cdk destroy',
      'aws s3 rm s3://x --recursive',
      'aws ec2 terminate-instances',
      'aws rds delete-db-instance --x',
      'gcloud sql instances delete a',
    ],
    ...[
      'git push --force origin main',
      'git push origin :main',
      'git push --mirror',
      'git filter-branch',
      'gh repo delete a',
      'npm unpublish a',
    ],
    ...[
      'docker volume prune',
      'rm -rf ..',
      'find . -delete',
      'dd if=a of=/dev/sda',
      'zfs destroy a',
      'Remove-Item $x -Recurse -Force',
      'kafka-topics --delete',
      'queue.obliterate()',
    ],
    ...[
      'synchronize: true',
      'rails db:reset',
      'php artisan migrate:fresh',
      'sequelize.sync({ force: true })',
      'new DeleteTableCommand({})',
      'MATCH (n) DETACH DELETE n',
    ],
  ])('%s', (line) => {
    expect(statements(line.split('\n').map((one) => `+${one}`)).length).toBeGreaterThan(0);
  });

  test.each([
    "rmSync('dist', { recursive: true });",
    "fs.rmSync('./build/out', { recursive: true, force: true });",
    'rmSync(path, { recursive: false });',
    "await fs.rm('a.txt');",
    'items.delete(id);',
    "knex('carts').where({ id }).del();",
    'rm(a, b)',
    "spawn('kubectl', ['get', 'pods']);",
    'Model.update({ a: 1 }, { where: { id } });',
    'await db.update(carts).set({ total: 0 }).where(eq(carts.id, id));',
    'await carts.deleteMany({ owner: id });',
    'git push origin feature',
    'kubectl get pods',
    'terraform plan',
    'const destroyed = true;',
  ])('not in %s', (line) => {
    expect(statements([`+${line}`])).toEqual([]);
  });

  test.each([
    "spawn('kubectl', ['delete', 'ns', 'shop']);",
    "spawn('terraform', ['destroy', '-auto-approve']);",
    "execFile('rm', ['-rf', folder]);",
    "execFile('rm', ['-r', '-f', '/']);",
    'rmSync(folder, options)',
    'await fs.promises.rm(folder, options);',
    'rm -r /var/lib/shop',
    'Model.update({ a: 1 }, { where: {} });',
    'prisma.cart.updateMany({ data: { a: 1 } });',
    "knex('carts').delete();",
    'MERGE INTO a USING b ON false WHEN NOT MATCHED BY SOURCE THEN DELETE;',
  ])('in a list of arguments, or with options from elsewhere: %s', (line) => {
    expect(statements([`+${line}`]).length).toBeGreaterThan(0);
  });

  test.each([
    ...[
      "queryInterface.removeColumn('carts', 'total');",
      "await removeColumn('carts', 'total');",
      "queryInterface.bulkDelete('carts', null, {});",
      "queryInterface.bulkDelete('carts', {}, {});",
      "queryInterface.bulkDelete('carts');",
      'queryInterface.dropAllTables();',
      'sequelize.sync({ alter: true });',
      'sequelize.sync({ logging: false, force: true });',
      "queryInterface.renameColumn('carts', 'a', 'b');",
      "queryInterface.changeColumn('carts', 'a', { type: INTEGER });",
      "knex.schema.renameTable('a', 'b');",
      "table.renameColumn('a', 'b');",
      'rename_column :carts, :a, :b',
      'rename_table :carts, :baskets',
      'remove_columns :carts, :a, :b',
      '$table->renameColumn("a", "b");',
    ],
    ...[
      'await repo.createQueryBuilder().delete().from(Cart).execute();',
      "await cartRepository.createQueryBuilder('c')\n  .delete()\n  .execute();",
      'dataSource.createQueryBuilder().update(Cart).set({ total: 0 }).execute();',
      'getRepository(Cart).createQueryBuilder().delete().execute();',
      `knex('carts').whereRaw("1 = 1 or name = 'x'").del();`,
      "queryRunner.clearTable('carts');",
      'dataSource.synchronize(true);',
      'await this.cartRepository.clear();',
      'await manager.clear(Cart);',
      "await db.deleteFrom('carts').execute();",
      "await db.updateTable('carts').set({ total: 0 }).execute();",
      'await Cart.query().delete();',
      'await Cart.query().patch({ total: 0 });',
      "await trx('carts').del();",
      "await knex('carts').update({ total: 0 });",
      "await knex\n  .from('carts') // all of them\n  .del();",
      'em.nativeDelete(Cart, {});',
      'await db.delete(carts).returning();',
    ],
    ...[
      "supabase.from('carts').delete();",
      "supabase.from('carts').delete().neq('id', 0);",
      "supabase.from('carts').update({ total: 0 }).select();",
      "DB::table('carts')->delete();",
      'Cart.objects.filter().delete()',
      'Cart.objects.update(total=0)',
      'Cart.objects.exclude(id=1).delete()',
      'session.execute(delete(Cart))',
      'stmt = update(Cart).values(total=0)',
      'Cart.delete().execute()',
      'await context.Carts.ExecuteDeleteAsync();',
      'db.Session(&gorm.Session{AllowGlobalUpdate: true})',
    ],
    ...[
      "knex('carts').where({}).del();",
      "knex('carts').whereNotNull('id').del();",
      "knex('carts').where('id', '>', 0).del();",
      "knex('carts').whereRaw('1 = 1').del();",
      "repo.createQueryBuilder().delete().from(Cart).where('id = id').execute();",
      'await db.delete(carts).where(sql`true`);',
      'await db.delete(carts).where(eq(carts.id, carts.id));',
      'await db.delete(carts).where(isNotNull(carts.id));',
    ],
    ...[
      'new DeleteBucketCommand({ Bucket })',
      'new DeleteObjectsCommand({ Bucket, Delete })',
      'new DeleteTableCommand({ TableName })',
      'new TerminateInstancesCommand({})',
      's3.delete_bucket(Bucket=name)',
      "indexedDB.deleteDatabase('shop');",
      "db.deleteObjectStore('carts');",
      'MATCH (n) DELETE n',
      'MATCH (a:Cart)-[r]->() DELETE r',
      "migrations.RemoveField('cart', 'total')",
      "migrations.DeleteModel('Cart')",
      "migrations.RunSQL('drop table carts')",
      'migrations.RenameField("cart", "a", "b")',
      'await prisma.cart.deleteMany();',
      'await Cart.deleteMany({}).exec();',
      'await mongoose.connection.dropDatabase();',
    ],
    ...[
      'RENAME TABLE carts TO baskets;',
      'ALTER TABLE carts RENAME TO baskets;',
      "EXEC sp_rename 'carts.total', 'sum', 'COLUMN';",
      'CREATE OR REPLACE TABLE carts (id int);',
      'INSERT OVERWRITE TABLE carts SELECT * FROM a;',
    ],
  ])('of query builders, tools of schemas and clients: %s', (line) => {
    expect(statements(line.split('\n').map((one) => `+${one}`)).length).toBeGreaterThan(0);
  });

  test.each([
    ...[
      'board.removeColumn(id);',
      'setColumns(removeColumn(index));',
      'function renameColumn(id, name) {',
      "queryInterface.bulkDelete('carts', { id }, {});",
      'em.nativeDelete(Cart, { id });',
      'em.clear();',
      'new DeleteCartCommand(id)',
      'new DeleteMessageCommand({ QueueUrl, ReceiptHandle })',
      'MATCH (n:Cart {id: $id}) DELETE n',
      'MATCH (n) WHERE n.id = $id DELETE n',
      'CREATE OR REPLACE FUNCTION a() RETURNS int',
    ],
    ...[
      "repo.createQueryBuilder().delete().from(Cart).where('id = :id', { id }).execute();",
      'dataSource.createQueryBuilder().update(Cart).set({ total: 0 }).whereInIds(ids).execute();',
      "await db.deleteFrom('carts').where('id', '=', id).execute();",
      "await db.deleteFrom('carts').where((eb) => eb('id', '=', id)).execute();",
      "await db.updateTable('carts').set({ total: 0 }).where('id', 'in', ids).execute();",
      'await Cart.query().delete().where({ id });',
      'await Cart.query().findById(id).patch({ total: 0 });',
      "await knex('carts')\n  .where('id', id) // the one\n  .update({ total: 0 });",
      "await knex('carts').where('id', '>', last).del();",
      "repo.createQueryBuilder().delete().from(Cart).where('id IN (:...ids)', { ids }).execute();",
      "await db.deleteFrom('carts').where('owner', 'is', null).execute();",
      `knex('carts').whereRaw("name = 'x'").del();`,
      "knex('carts').whereIn('id', ids).del();",
      "supabase.from('carts').delete().eq('id', id);",
      "DB::table('carts')->where('id', $id)->delete();",
      'Cart.objects.filter(id=1).delete()',
      'Cart.objects.get(id=1).delete()',
      'session.execute(delete(Cart).where(Cart.id == id))',
      'session.query(Cart).filter_by(id=1).delete()',
      'Cart.delete().where(Cart.id == 1).execute()',
      'await context.Carts.Where(c => c.Id == id).ExecuteDeleteAsync();',
    ],
    ...[
      "request(app).delete('/carts/1').query({ force: 1 });",
      "await api.delete('/carts/1');",
      'axios.patch(url, body);',
      "createHash('sha256').update(Buffer.from(text)).digest('hex');",
      'cache.delete(key);',
      "db.collection('carts').doc(id).delete();",
      'service.files().delete(fileId=id).execute()',
      'await user.delete();',
      "url.searchParams.delete('page');",
      'redis.del(key);',
      'params.update(values);',
      'delete items[id];',
    ],
  ])('of query builders and clients, not in %s', (line) => {
    expect(statements(line.split('\n').map((one) => `+${one}`))).toEqual([]);
  });

  test('megabytes of half an act are read in one go', () => {
    for (const half of [
      'rmSync(',
      'git ',
      'kubectl -n ',
      'update a set b',
      'delete from a where ',
      'a.drop',
      '("x" + ',
      "'",
      'db.update(a).set(',
      '.delete(',
      'a().delete().',
      ')).del(',
      'match (a) ',
      'WHERE ((((',
      'where a or ',
    ])
      expect(statements([`+${half.repeat(Math.floor(200_000 / half.length))}`]).length).toBeLessThan(502);
  });
});
