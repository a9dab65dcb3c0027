import { readFileSync, writeFileSync } from 'node:fs';
import { Entry } from '@millwright/domain';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { canonicalText, payloadDigest } from './proof/index.ts';
import { recorded } from './rows.ts';

// What is on somebody's trail is read for ever. Every form that an entry ever had is kept in fixtures/forms.json, with entries that have each
// choice of it at least once. To change a form: give its type an upcaster (upcast.ts), then MILLWRIGHT_KEEP_FORMS=1 keeps the new form beside
// the old ones, which stay.

type Form = { shape: unknown; entries: { type: string; data: unknown }[] };
const file = new URL('./testing/forms.json', import.meta.url);

/** Values that the fields of entries take, by what they are: the first that fits is taken. */
const VALUES = [
  ...['run', 'tkt', 'att', 'gate', 'rel', 'per'].map((kind) => `${kind}_0123456789abcdef`),
  `sha256:${'0a'.repeat(32)}`,
  '0a'.repeat(20),
  '0a'.repeat(12),
  '9b2f1c1e-6c1d-4d4e-8b1a-0a1b2c3d4e5f',
  'orchestrator',
  'shop',
  'https://example.org/shop/7',
  'acme/shop',
  'some text',
  1,
  0.5,
  true,
];

/** A schema's values: every choice (of an enumeration, a union, null, left out) is in one of them. */
function values(schema: z.core.$ZodType): unknown[] {
  if (schema instanceof z.ZodOptional) return [undefined, ...values(schema.unwrap())];
  if (schema instanceof z.ZodNullable) return [null, ...values(schema.unwrap())];
  if (schema instanceof z.ZodEnum) return schema.options;
  if (schema instanceof z.ZodLiteral) return [...schema.values];
  if (schema instanceof z.ZodBoolean) return [true, false];
  if (schema instanceof z.ZodArray) return [[], values(schema.element)];
  if (schema instanceof z.ZodRecord) return [{}, { some: values(schema.valueType)[0] }];
  if (schema instanceof z.ZodDiscriminatedUnion) return schema.options.flatMap(values);
  if (schema instanceof z.ZodObject) {
    const fields = Object.entries(schema.shape).map(([name, one]) => [name, values(one)] as const);
    const most = Math.max(1, ...fields.map(([, all]) => all.length));
    return Array.from({ length: most }, (_, n) =>
      Object.fromEntries(
        fields.flatMap(([name, all]) => {
          const value = all[n % all.length];
          return value === undefined ? [] : [[name, value]];
        }),
      ),
    );
  }
  const value = VALUES.find((one) => z.safeParse(schema, one).success);
  if (value === undefined) throw new Error(`no value fits ${JSON.stringify(z.toJSONSchema(schema))}`);
  return [value];
}

const today = Entry.options.map((option) => {
  const type = option.shape.type.value;
  const { $schema: _, ...shape } = z.toJSONSchema(option.shape.data);
  return { type, shape: JSON.parse(JSON.stringify(shape)), data: values(option.shape.data) };
});

const kept: Record<string, Form[]> = JSON.parse(readFileSync(file, 'utf8'));
if (process.env.MILLWRIGHT_KEEP_FORMS === '1') {
  for (const { type, shape, data } of today) {
    const forms = kept[type] ?? [];
    kept[type] = forms;
    if (JSON.stringify(forms.at(-1)?.shape) === JSON.stringify(shape)) continue;
    forms.push({ shape, entries: data.map((one) => ({ type, data: one })) });
  }
  const lines = Object.entries(kept).map(
    ([type, forms]) => `${JSON.stringify(type)}: ${JSON.stringify(forms)}`,
  );
  writeFileSync(file, `{\n${lines.join(',\n')}\n}\n`);
}

/** Read as what lies in the database is. */
function read({ type, data }: { type: string; data: unknown }): Entry {
  const [salt, bytes] = [new Uint8Array(16), Buffer.from(canonicalText(data))];
  const payload_digest = Buffer.from(payloadDigest(salt, bytes).slice('sha256:'.length), 'hex');
  const envelope = { position: 1, stream: 'factory', version: 1, type, actor: 'orchestrator', at: 1 };
  return recorded({ ...envelope, payload_digest, salt, bytes, words_salt: null, words: null }).entry;
}

test.each(today)('the form of $type is kept', ({ type, shape }) => {
  expect(
    kept[type]?.at(-1)?.shape,
    `the form of ${type} is not what was kept: give it an upcaster, then run this with MILLWRIGHT_KEEP_FORMS=1`,
  ).toEqual(shape);
});

test.each(Object.entries(kept))('every %s that was ever kept is read', (type, forms) => {
  for (const { entries } of forms) {
    expect(entries.length).toBeGreaterThan(0);
    for (const entry of entries) expect(read(entry).type).toBe(type);
  }
  // Of today's form nothing is lost, or added.
  for (const entry of forms.at(-1)?.entries ?? []) expect(read(entry)).toEqual(entry);
});

test('what changed without an upcaster is not read', () => {
  expect(() =>
    read({ type: 'ticket.answered', data: { ticket: 'tkt_0123456789abcdef', text: 'of 0.1' } }),
  ).toThrow('does not parse');
});
