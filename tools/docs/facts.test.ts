import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Facts } from '@millwright/domain';
import { loadPolicy } from '@millwright/policy';
import { expect, test } from 'vitest';
import { z } from 'zod';

// docs/facts.md against Cedar's schema: every name that a policy may read, its type and at which gates; and the names under which `gate show`
// has what it is made of, against the facts.

const ROOT = join(import.meta.dirname, '../..');
const SCHEMA = readFileSync(join(ROOT, 'libs/policy/src/default/schema.ts'), 'utf8').replaceAll(
  /\/\/.*$/gm,
  '',
);
const TEXT = readFileSync(join(ROOT, 'docs/facts.md'), 'utf8');

const fields = (text: string) =>
  [...text.matchAll(/(\w+): (\w+(?:<\w+>)?),?/g)].map(([, name = '', type = '']) => ({ name, type }));
const TYPES = new Map(
  [...SCHEMA.matchAll(/^type (\w+) = \{(.*?)\};/gms)].map(([, name, text = '']) => [name, text]),
);

/** `change.files Long`, by the gates at which it is there. */
const there = new Map<string, string[]>();
for (const [, action = '', text = ''] of SCHEMA.matchAll(
  /^action (\w+) appliesTo \{.*?context: \{(.*?)\},\n\};/gms,
))
  for (const { name, type } of fields(text)) {
    const inner = TYPES.get(type);
    const all =
      inner === undefined ? [`${name} ${type}`] : fields(inner).map((of) => `${name}.${of.name} ${of.type}`);
    for (const one of all) there.set(one, [...(there.get(one) ?? []), action]);
  }

const ROWS = [...TEXT.matchAll(/^\| `([\w.]+)` \| `?([\w<>]+)`? \| .* \| ([a-z, ]+) \| (.*) \|$/gm)].map(
  ([, name = '', type = '', gates = '', shown = '']) => ({
    name,
    type,
    gates: gates.split(', '),
    shown: [...shown.matchAll(/`([\w.]+)`/g)].map(([, path = '']) => path),
  }),
);

test('has a row for each name that a policy may read, and for no other', () => {
  expect(there.size).toBeGreaterThan(25);
  expect(ROWS.map(({ name, type, gates }) => [`${name} ${type}`, gates])).toEqual([...there]);
});

test.each(ROWS.map(({ name, gates, shown }) => [name, gates, shown] as const))(
  '%s is shown under names that the facts have',
  (_name, gates, shown) => {
    expect(shown).not.toEqual([]);
    for (const gate of gates)
      for (const path of shown) {
        let at: unknown = Facts.options.find(({ shape }) => shape.action.value === gate);
        for (const part of path.split('.')) at = at instanceof z.ZodObject ? at.shape[part] : undefined;
        expect(at, `${path} at ${gate}`).toBeInstanceOf(z.ZodType);
      }
  },
);

test('its policy is taken as it stands', () => {
  const repository = /```\n([\s\S]*?)```/.exec(TEXT)?.[1] ?? '';
  expect(repository).toContain('context.change.filesDeleted');
  expect(loadPolicy({ repository })).toMatchObject({ kind: 'loaded' });
});
