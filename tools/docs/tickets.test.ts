import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Ticket, TicketKind } from '@millwright/domain';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';

// docs/tickets.md against the schema, and every link between documents against the files.

const ROOT = join(import.meta.dirname, '../..');
const TEXT = readFileSync(join(ROOT, 'docs/tickets.md'), 'utf8');

type Schema = { default?: unknown; maxLength?: number; maxItems?: number; items?: Schema };
const { body: _body, ...fields } = (
  z.toJSONSchema(Ticket, { io: 'input', unrepresentable: 'any' }) as { properties: Record<string, Schema> }
).properties;

test.each(Object.entries(fields))('front matter: %s has its default and its bounds', (key, schema) => {
  const row = new RegExp(`^\\| \`${key}\` \\| (.*?) \\| (.*?) \\| (.*) \\|$`, 'm').exec(TEXT);
  const written =
    schema.default === undefined ? 'none' : `\`${JSON.stringify(schema.default).replaceAll('"', '')}\``;
  expect(row?.[2]).toBe(written);
  for (const most of [schema.maxLength, schema.maxItems, schema.items?.maxLength])
    if (most !== undefined) expect(row?.[1]).toContain(String(most));
});

test('names every kind, and no key that is not there', () => {
  for (const kind of TicketKind.options) expect(TEXT).toContain(`\`${kind}\``);
  const table = TEXT.slice(TEXT.indexOf('## Front matter'), TEXT.indexOf('Kinds:'));
  expect([...table.matchAll(/^\| `(\w+)`/gm)].map(([, key]) => key).sort()).toEqual(
    Object.keys(fields).sort(),
  );
});

test('its example is a ticket', () => {
  const front = /```markdown\n---\n([\s\S]*?)---\n/.exec(TEXT)?.[1] ?? '';
  expect(Ticket.parse(parse(front))).toMatchObject({ kind: 'feature', labels: ['cart', 'tax'] });
});

const documents = [
  ...readdirSync(join(ROOT, 'docs'), { recursive: true, encoding: 'utf8' }).map((name) => `docs/${name}`),
  ...readdirSync(ROOT),
].filter((name) => name.endsWith('.md'));

test.each(documents)('%s: every link to a file leads to one, and to a heading that is there', (name) => {
  const text = readFileSync(join(ROOT, name), 'utf8');
  const broken = [...text.matchAll(/\]\((?!https?:)([^)#\s]*)(#[^)\s]*)?\)/g)].flatMap(
    ([, path = '', anchor]) => {
      const at = path === '' ? join(ROOT, name) : join(ROOT, dirname(name), path);
      if (!existsSync(at)) return [path];
      if (anchor === undefined || !at.endsWith('.md')) return [];
      const headings = [...readFileSync(at, 'utf8').matchAll(/^#+ (.*)$/gm)].map(
        ([, title = '']) =>
          `#${title
            .toLowerCase()
            .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
            .replaceAll(' ', '-')}`,
      );
      return headings.includes(anchor) ? [] : [path + anchor];
    },
  );
  expect(broken).toEqual([]);
});

test('the first page of the documents leads to each of them', () => {
  const index = readFileSync(join(ROOT, 'docs/README.md'), 'utf8');
  const pages = documents
    .filter((name) => /^docs\/[a-z-]+\.md$/.test(name))
    .map((name) => name.slice('docs/'.length));
  expect(pages.filter((page) => !index.includes(`(${page}`))).toEqual([]);
});
