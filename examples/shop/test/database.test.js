import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { createCatalogue } from '../src/catalogue.js';
import { openDatabase } from '../src/database.js';

test('a database that was opened before is opened again as it is', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'shop-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'shop.db');
  const first = openDatabase(path);
  first.exec("UPDATE product SET price_cents = 1300 WHERE id = 'mug'");
  first.close();
  const second = openDatabase(path);
  assert.equal(createCatalogue(second).find('mug').priceCents, 1300);
  second.close();
});
