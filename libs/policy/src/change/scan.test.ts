import { describe, expect, test } from 'vitest';
import { findIrreversible } from './irreversible.ts';
import { parsePatch } from './patch.ts';
import { isDocument } from './paths.ts';
import { findSecrets } from './secrets.ts';

const patch = (lines: string[], path = 'src/a.js') => {
  const before = lines.filter((l) => !l.startsWith('+')).length;
  const after = lines.filter((l) => !l.startsWith('-')).length;
  return parsePatch(
    `diff --git a/${path} b/${path}\nindex 1..2 100644\n--- a/${path}\n+++ b/${path}\n@@ -10,${before} +10,${after} @@ f()\n${lines.join('\n')}\n`,
  );
};
const statements = (lines: string[], path?: string) =>
  findIrreversible(patch(lines, path), isDocument).map((f) => f.statement);

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
    ['drizzle-kit push', '"migrate": "drizzle-kit push"'],
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
    ['dropTable or dropColumn', "knex.schema.dropTable('carts')"],
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
    const found = findIrreversible(patch([`+${line}`]), isDocument);
    expect(found.map((one) => one.what)).toContain(what);
  });

  test.each([
    ['GET /carts', "app.get('/carts', list);"],
    ['POST /carts/:id', 'router.post<Body>("/carts/:id", put);'],
    ['DELETE /carts', "@Delete('/carts')"],
    ['GET /carts', "  { method: 'GET', path: '/carts', handle },"],
  ])('a public endpoint that goes: %s', (name, line) => {
    expect(findIrreversible(patch([`-${line}`]), isDocument)).toEqual([
      {
        path: 'src/a.js',
        line: 10,
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
    expect(statements(['+DROP TABLE carts;'], 'docs/a.md')).toEqual([]);
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
      expect(statements([`+${half.repeat(200_000)}`]).length).toBeLessThan(2);
  });

  test('names the line as it stands after the change', () => {
    const files = patch([' a', '-b', ' c', '+DROP TABLE carts;'], 'db/1.sql');
    expect(findIrreversible(files, isDocument)).toEqual([
      { path: 'db/1.sql', line: 12, statement: 'DROP', what: 'drops table `carts`' },
    ]);
  });
});

describe('secrets', () => {
  const join = (...parts: string[]) => parts.join('');
  test.each([
    ['private key', join('-----BEGIN ', 'PRIVATE KEY-----')],
    ['AWS access key', join('AKIA', 'IOSFODNN7ABCDEFG')],
    ['GitHub token', join('ghp', '_abcdefghijklmnopqrstuvwxyz0123456789')],
    ['model provider key', join('sk-', 'ant-api03-abcdefghijklmnopqrstuvwxyz0123')],
    ['npm token', join('npm', '_abcdefghijklmnopqrstuvwxyz0123456789')],
    ['high-entropy value of a secret’s name', join('const apiKey = "', 'q8Zt3Lw0Xr5Yv7Nc2Mb9Kd4Hs"')],
    ['password in an address', join('postgres://shop:', 'q8Zt3Lw0Xr5Yv7Nc@db/shop')],
  ])('%s', (kind, line) => {
    expect(findSecrets(patch([`+${line}`]))).toEqual([{ path: 'src/a.js', line: 10, kind }]);
    expect(findSecrets(patch([`-${line}`]))).toEqual([]);
    expect(JSON.stringify(findSecrets(patch([`+${line}`])))).not.toContain(line.slice(-12));
  });

  test.each([
    'AKIAIOSFODNN7EXAMPLE',
    'const token = process.env.SHOP_TOKEN_FOR_DEPLOYMENT_1;',
    'const secretName = "shop-deployment-secret-name";',
    '"integrity": "sha512-q8Zt3Lw0Xr5Yv7Nc2Mb9Kd4Hs=="',
    'password: change-me-before-you-deploy-1',
    'postgres://shop:$PASSWORD@db/shop',
  ])('not in %s', (line) => {
    expect(findSecrets(patch([`+${line}`]))).toEqual([]);
  });
});

describe('a patch', () => {
  test('content that looks like headers stays content', () => {
    const [file, ...others] = patch(['--- a/x', '+++ b/y', '+diff --git a/z b/z']);
    expect(others).toEqual([]);
    expect(file?.path).toBe('src/a.js');
    expect(file?.hunks.flat().map((l) => `${l.kind}:${l.line}:${l.text}`)).toEqual([
      'removed:10:-- a/x',
      'added:10:++ b/y',
      'added:11:diff --git a/z b/z',
    ]);
  });

  test('names with spaces, quotes and other alphabets; changes of mode alone', () => {
    const text = [
      'diff --git "a/\\303\\274ber \\"x\\".js" "b/\\303\\274ber \\"x\\".js"',
      'new file mode 100755',
      'index 0..1',
      'diff --git a/a b.js b/a b.js',
      'old mode 100644',
      'new mode 100755',
    ].join('\n');
    expect(parsePatch(text).map((f) => [f.path, f.mode])).toEqual([
      ['über "x".js', '100755'],
      ['a b.js', '100755'],
    ]);
  });
});
