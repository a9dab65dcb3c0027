import type { Answered } from '@millwright/api';
import type { Client } from './client.ts';
import { clientOf } from './client.ts';
import { findFactory, type GlobalOptions } from './connection.ts';
import { type Look, lookOf } from './text/look.ts';
import { jsonText } from './text/plain.ts';

/** What a command gets: the factory, and the two places to write. Data goes to `out`, progress to `note`. */
export type Context = {
  client: Client;
  json: boolean;
  look: Look;
  noteLook: Look;
  now(): number;
  /** Lines of data on stdout. */
  out(...lines: string[]): void;
  /** One JSON document on stdout. */
  document(value: unknown): void;
  /** Progress on stderr. */
  note(...lines: string[]): void;
};

export function contextOf(options: GlobalOptions): Context {
  const look = lookOf(process.stdout, process.env);
  return {
    client: clientOf(findFactory(options, process.env)),
    json: options.json === true,
    look,
    noteLook: lookOf(process.stderr, process.env),
    now: () => Date.now(),
    out: (...lines) => {
      if (lines.length > 0) process.stdout.write(`${lines.join('\n')}\n`);
    },
    document: (value) => {
      process.stdout.write(`${jsonText(value, look.terminal ? 2 : 0)}\n`);
    },
    note: (...lines) => {
      if (lines.length > 0) process.stderr.write(`${lines.join('\n')}\n`);
    },
  };
}

/** Data for a person, or the factory's own document with `--json`. */
export function show(context: Context, raw: unknown, lines: () => string[]): void {
  if (context.json) context.document(raw);
  else context.out(...lines());
}

/** The elements of a list that a person wants, newest first; the factory's own documents keep step with them. */
export function newest<T>({ raw, value, next }: Answered<T[]>, at: (one: T) => number): Answered<T[]> {
  const documents: unknown[] = Array.isArray(raw) ? raw : [];
  const pairs = value
    .map((one, place) => ({ one, document: documents[place] }))
    .sort((a, b) => at(b.one) - at(a.one));
  return { raw: pairs.map(({ document }) => document), value: pairs.map(({ one }) => one), next };
}
