import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

// Decisions in MADR's form: status and date, context, outcome; and one index that has them all.

const FOLDER = join(import.meta.dirname, '../../docs/decisions');
const INDEX = readFileSync(join(FOLDER, 'README.md'), 'utf8');
const PAGES = readdirSync(FOLDER).filter((name) => /^\d{4}-.*\.md$/.test(name));

test.each(PAGES)('%s has a status, a date, a context and an outcome, and a line in the index', (name) => {
  const text = readFileSync(join(FOLDER, name), 'utf8');
  const front =
    /^---\nstatus: (proposed|accepted|rejected|deprecated|superseded by \d{4})\ndate: \d{4}-\d{2}-\d{2}\n---\n/.exec(
      text,
    );
  expect(front?.[1]).toBeDefined();
  const title = /^# (.+)$/m.exec(text)?.[1];
  for (const part of ['## Context and Problem Statement', '## Decision Outcome'])
    expect(text).toContain(part);
  expect(INDEX).toContain(`| ${name.slice(0, 4)} | [${title}](${name}) | ${front?.[1]} |`);
});

test('no number is used twice', () => {
  const numbers = PAGES.map((name) => name.slice(0, 4));
  expect(new Set(numbers).size).toBe(numbers.length);
});
