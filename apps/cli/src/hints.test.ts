import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Act } from '@millwright/api';
import type { Command } from 'commander';
import { expect, it } from 'vitest';
import { commandOf } from './acts.ts';
import { program } from './program.ts';
import { ROOT } from './up/root.ts';

// Every command that anything of this repository prints or prints in its documents has to work as it stands: it exists, has the arguments
// and options that it wants, and no others. Read from the sources, so that no message can be forgotten.

/** Ends a command in a sentence: what follows it is prose. */
const ENDS = /^(?:\n|\\n|`|'|;|,|\(|\)|: |\. |\.$|<\/| {3}| — | \| | \|\| | && |[ ]#|[ ]>| is | as | and )/;

/** The words of the command that begins at `from`; what a program fills in, and quoted text, is one word. */
export function wordsAt(text: string, from: number): string[] {
  const words: string[] = [];
  let word = '';
  const done = () => {
    if (word !== '') words.push(word);
    word = '';
  };
  for (let at = from; at < text.length && !ENDS.test(text.slice(at, at + 5)); ) {
    const rest = text.slice(at);
    const filled = /^\$\{/.test(rest) ? bracesOf(rest) : null;
    const quoted = /^\\?"([^"\n]*?)\\?"/.exec(rest);
    if (filled !== null) {
      word += 'VALUE';
      at += filled;
    } else if (quoted !== null) {
      word += 'TEXT';
      at += quoted[0].length;
    } else if (rest.startsWith('"')) break;
    else if (rest.startsWith(' ')) {
      done();
      at += 1;
    } else {
      word += rest.startsWith('…') ? 'TEXT' : rest[0];
      at += 1;
    }
  }
  done();
  return words;
}

/** The length of `${…}`, with what it nests. */
function bracesOf(text: string): number {
  let depth = 0;
  for (let at = 1; at < text.length; at += 1) {
    if (text[at] === '{') depth += 1;
    if (text[at] === '}') depth -= 1;
    if (depth === 0) return at + 1;
  }
  return text.length;
}

/** A noun that does something without a verb: `trail key`. Commander keeps that to itself. */
const acts = (command: Command): boolean => Reflect.get(command, '_actionHandler') !== null;

/** Null, or why this command line would be refused. */
export function wrong(root: Command, words: readonly string[]): string | null {
  let command = root;
  const given: string[] = [];
  const options: string[] = [];
  for (let at = 0; at < words.length; at += 1) {
    const word = words[at] ?? '';
    if (word.startsWith('-') && word !== '-') {
      const name = word.split('=')[0];
      const option = [...command.options, ...root.options].find(
        (one) => one.long === name || one.short === name,
      );
      if (name === '--help') return null;
      if (option === undefined) return `${command.name()} has no option ${name}`;
      options.push(option.attributeName());
      if ((option.required || option.optional) && !word.includes('=')) {
        const value = words[at + 1];
        if (option.required && value === undefined) return `${name} wants a value`;
        if (value !== undefined && !value.startsWith('-')) at += 1;
      }
      continue;
    }
    const child = given.length === 0 ? command.commands.find((one) => one.name() === word) : undefined;
    if (child !== undefined) command = child;
    else if (command.commands.length > 0 && command.registeredArguments.length === 0)
      return `${command.name()} has no command ${word}`;
    else given.push(word);
  }
  if (command.commands.length > 0 && !acts(command) && command !== root)
    return `${command.name()} is no command by itself`;
  const wanted = command.registeredArguments.filter((one) => one.required).length;
  if (given.length < wanted) return `${command.name()} wants ${wanted} arguments and has ${given.length}`;
  if (given.length > command.registeredArguments.length)
    return `${command.name()} has too many arguments: ${given}`;
  const lacks = command.options.find((one) => one.mandatory && !options.includes(one.attributeName()));
  return lacks === undefined ? null : `${command.name()} wants ${lacks.long}`;
}

const SOURCE = /\.(tsx?|mts|mjs|md|sh)$/;
const OURS = ['apps', 'libs', 'tools', 'docs', 'examples', 'README.md', 'CONTRIBUTING.md', 'AGENTS.md'];

function files(path: string): string[] {
  const at = join(ROOT, path);
  try {
    return readdirSync(at, { withFileTypes: true }).flatMap((entry) =>
      entry.name === 'node_modules' || entry.name.startsWith('.') ? [] : files(`${path}/${entry.name}`),
    );
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOTDIR') return SOURCE.test(path) && !/\.(test|d)\.tsx?$/.test(path) ? [path] : [];
    if (code === 'ENOENT') return [];
    throw error;
  }
}

it('finds the words of a command in a sentence, and says what is wrong with it', () => {
  const root = program();
  const said = (template: string) => judge(template.replaceAll('<', '${'));
  const judge = (text: string) => wrong(root, wordsAt(text, text.indexOf('./millwright') + 12));
  expect(said('then: ./millwright release thaw <repo}')).toBe('thaw wants --reason');
  expect(said("see './millwright run show <run.id}', which")).toBeNull();
  expect(said('`./millwright run sho RUN`')).toBe('run has no command sho');
  expect(said('./millwright gate approve GATE --reason "…"; or not')).toBeNull();
  expect(said('./millwright rollback status shows where')).toMatch('too many arguments');
  expect(said('./millwright trail show --lasst 3')).toBe('show has no option --lasst');
  expect(said('./millwright ticket answer ID')).toBe('answer wants 2 arguments and has 1');
});

it('every command that is printed, or is in a document, parses as it stands', () => {
  const root = program();
  const found = OURS.flatMap(files).flatMap((path) => {
    const text = readFileSync(join(ROOT, path), 'utf8');
    return [...text.matchAll(/\.\/millwright (?=[a-z$-])/g)].flatMap(({ index }) => {
      const words = wordsAt(text, index + './millwright '.length);
      const line = text.slice(0, index).split('\n').length;
      const why = words.length === 0 ? null : wrong(root, words);
      return [{ path: `${path}:${line}`, command: words.join(' '), why }];
    });
  });
  expect(found.length).toBeGreaterThan(100);
  expect(found.filter(({ why }) => why !== null)).toEqual([]);
});

/** An act of each name, with the least and with the most that it may say. */
const everyAct = Act.options.flatMap(({ shape }) => {
  const { act, to: _, ...of } = shape;
  const values: Record<string, unknown> = {
    ...{ id: 'ID', repo: 'shop', name: 'TOKEN', field: 'name', values: ['a', 'b'], step: 5, since: 7 },
    ...{ model: 'a-model', budget: 'repo/shop', limit: 'repo/shop' },
    ...{ kind: 'bug', role: 'approver', again: true, scope: { kind: 'repo', repo: 'shop' } },
  };
  const given = Object.keys(of).map((key) => [key, values[key]] as const);
  const least = given.filter(([key]) => !Reflect.get(of, key).isOptional());
  return [least, given].map((one) => Act.parse({ act: act.value, ...Object.fromEntries(one) }));
});

it('every act that a problem names is told as a command that parses, or in words, with what it is done to', () => {
  const root = program();
  for (const act of everyAct) {
    const command = commandOf(act);
    const words = wordsAt(command, './millwright '.length);
    if (command.startsWith('./millwright')) expect(wrong(root, words), command).toBeNull();
    const { act: _name, to: _, again: __, scope, ...of } = { scope: undefined, again: undefined, ...act };
    for (const value of Object.values({ ...of, ...scope }).flat())
      if (value !== undefined) expect(command).toContain(String(value));
  }
});

it('what the factory answers and records names acts, and no command line', () => {
  const server = ['apps/orchestrator/src', 'apps/sandbox-runner/src', 'libs'].flatMap(files);
  expect(server.length).toBeGreaterThan(300);
  const telling = server.filter((path) => readFileSync(join(ROOT, path), 'utf8').includes('./millwright'));
  expect(telling).toEqual([]);
});

it('every npm script that is named is there', () => {
  const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  const named = OURS.flatMap(files).flatMap((path) =>
    [...readFileSync(join(ROOT, path), 'utf8').matchAll(/^(?! *(?:\*|\/)).*\bnpm run ([a-z:]+)/gm)].map(
      ([, name]) => [path, name] as const,
    ),
  );
  expect(named.filter(([, name]) => name !== undefined && !(name in scripts))).toEqual([]);
});
