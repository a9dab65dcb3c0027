import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { RepoConfigFile } from '@millwright/domain';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';

// docs/millwright-yaml.md against the schema: every key, its default and its bounds, and no key that is not there.

const TEXT = readFileSync(join(import.meta.dirname, '../../docs/millwright-yaml.md'), 'utf8');

type Schema = {
  type?: string;
  properties?: Record<string, Schema>;
  items?: Schema;
  anyOf?: Schema[];
  default?: unknown;
  minimum?: number;
  maximum?: number;
  maxItems?: number;
  maxLength?: number;
};
type Key = { key: string; schema: Schema };

/** Every key that a person may write, with its place. */
function keysOf(schema: Schema, prefix = ''): Key[] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, inner]) => {
    const key = prefix + name;
    const one = (of: Schema) => keysOf(of, `${key}[].`);
    const below = [...keysOf(inner, `${key}.`), ...(inner.items?.anyOf ?? []).flatMap(one)];
    // A part that holds others and nothing else has no row of its own; the whole `deploy` has.
    return below.length > 0 && inner.type === 'object' && prefix !== ''
      ? below
      : [{ key, schema: inner }, ...below];
  });
}

const KEYS = keysOf(z.toJSONSchema(RepoConfigFile, { io: 'input', unrepresentable: 'any' }) as Schema);

const ROWS = new Map(
  [...TEXT.matchAll(/^\| `([a-zA-Z0-9.[\]]+)` \| (.*?) \| (.*?) \| (.*?) \|$/gm)].map(
    ([, key = '', takes = '', byDefault = '', means = '']) => [key, { takes, byDefault, means }],
  ),
);

test('has a row for each key, and for no other', () => {
  expect([...ROWS.keys()].sort()).toEqual([...new Set(KEYS.map(({ key }) => key))].sort());
});

test.each(KEYS.map(({ key, schema }) => [key, schema] as const))(
  '%s has its default and its bounds',
  (key, schema) => {
    const row = ROWS.get(key);
    const written =
      schema.default === undefined
        ? 'none'
        : `\`${JSON.stringify(schema.default).replace(/^"(.*)"$/, '$1')}\``;
    expect(row?.byDefault).toBe(written);
    const least = schema.minimum ?? schema.items?.minimum;
    const most = schema.maximum ?? schema.items?.maximum ?? schema.maxItems ?? schema.maxLength;
    if (least !== undefined) expect(row?.takes).toContain(String(least));
    if (most !== undefined && most !== Number.MAX_SAFE_INTEGER) expect(row?.takes).toContain(String(most));
  },
);

test('its example fits the schema', () => {
  const example = /```yaml\n([\s\S]*?)```/.exec(TEXT)?.[1] ?? '';
  expect(RepoConfigFile.parse(parse(example))).toMatchObject({
    autonomy: 6,
    deploy: { canary: { bake: 20_000 } },
  });
});
