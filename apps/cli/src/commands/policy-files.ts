import { readdirSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';
import { usage } from '../fail.ts';
import { readText } from './stdin.ts';

/** A layer's policies, and the cases beside them, as files have them. A folder's policies are one layer, in the order of their names. */
export type PolicyFiles = { policies: PolicyText; cases: { file: string; text: string }[] };
/** `files`: of each line of `text`, the file that it is from and its number there. */
export type PolicyText = { text: string; fileOf(line: number): { file: string; line: number } };

const MAX_BYTES = 131_072;
const MAX_FILES = 100;
const IS_POLICY = /\.cedar$/;
const IS_CASES = /\.test\.ya?ml$/;

const read = (file: string, what: string) => readText(file, { maxBytes: MAX_BYTES, what });

/** Throws a usage error where there is nothing of a policy. */
export function policyFiles(path: string): PolicyFiles {
  const names = statSync(path, { throwIfNoEntry: false })?.isDirectory()
    ? readdirSync(path)
        .sort()
        .map((name) => join(path, name))
    : [path];
  const chosen = names.filter((name) => name === path || IS_POLICY.test(name) || IS_CASES.test(name));
  if (chosen.length > MAX_FILES)
    throw usage(`${path} has more than ${MAX_FILES} files of policies and cases`);
  if (chosen.length === 0)
    throw usage(`there is no policy in ${path}`, 'policies are in files NAME.cedar, cases in NAME.test.yaml');
  const parts = chosen
    .filter((file) => !IS_CASES.test(file))
    .map((file) => ({ file: shown(file), text: read(file, 'a policy') }));
  return {
    policies: joined(parts),
    cases: chosen
      .filter((file) => IS_CASES.test(file))
      .map((file) => ({ file: shown(file), text: read(file, 'a file of cases') })),
  };
}

/** As a person would name it from where they are. */
const shown = (file: string): string => {
  const here = relative(process.cwd(), file);
  return here.startsWith('..') ? file : here;
};

function joined(parts: readonly { file: string; text: string }[]): PolicyText {
  const lines = parts.flatMap(({ file, text }) =>
    text
      .replace(/\n$/, '')
      .split('\n')
      .map((_, at) => ({ file, line: at + 1 })),
  );
  const text = parts.map((part) => part.text.replace(/\n$/, '')).join('\n');
  const [{ file = '' } = {}] = parts;
  return { text, fileOf: (line) => lines[line - 1] ?? { file, line } };
}
