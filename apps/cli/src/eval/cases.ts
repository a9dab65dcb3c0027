import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';

/** How the factory should end: by merging a change that the hidden tests pass on, by asking, or by not merging. */
const Expectation = z.enum(['merge', 'ask', 'refuse']);

const CaseFile = z.strictObject({
  /** The hidden tests' command, run from the repository's root. */
  test: z.string().min(1),
  expect: Expectation.default('merge'),
  /** What its stages and its hidden tests run on; the factory's own image otherwise. */
  image: z.string().min(1).max(512).optional(),
});

/** A case as a folder: `case.yaml`, `ticket.md`, the base as `repo/`, and `hidden/`, which is laid over what was merged. */
export type Case = z.infer<typeof CaseFile> & { name: string; folder: string; ticket: string };

const NAME = /^[a-z0-9][a-z0-9-]{0,39}$/;

/** Reads a case; says what is wrong with it in a sentence. */
function readCase(
  folder: string,
  name: string,
): { kind: 'case'; case: Case } | { kind: 'bad'; problem: string } {
  const bad = (problem: string) => ({ kind: 'bad', problem: `case ${name}: ${problem}` }) as const;
  if (!NAME.test(name)) return bad('a name has small letters, digits and hyphens, 40 at most');
  const place = join(folder, name);
  for (const file of ['case.yaml', 'ticket.md'])
    if (!isA(join(place, file), 'file')) return bad(`${file} is missing`);
  if (!hasFiles(join(place, 'repo'))) return bad('repo/ is missing, or has no file');
  const wrong = join(place, 'wrong');
  if (
    existsSync(wrong) &&
    (!isA(wrong, 'folder') || namesIn(wrong).some((one) => !isA(join(wrong, one), 'folder')))
  )
    return bad('wrong/ has a folder for each wrong change, and nothing else');
  let said: unknown;
  try {
    said = parse(readFileSync(join(place, 'case.yaml'), 'utf8'), { maxAliasCount: 0 });
  } catch (error) {
    return bad(`case.yaml cannot be read: ${error instanceof Error ? error.message.split('\n')[0] : error}`);
  }
  const parsed = CaseFile.safeParse(said);
  if (!parsed.success) return bad(`case.yaml: ${z.prettifyError(parsed.error)}`);
  if (parsed.data.expect === 'merge' && !hasFiles(join(place, 'hidden')))
    return bad('there are no hidden tests in hidden/, so nothing could tell a right change from a wrong one');
  const own = join(place, 'repo/millwright.yaml');
  if (parsed.data.image !== undefined && existsSync(own) && /^image\s*:/m.test(readFileSync(own, 'utf8')))
    return bad('case.yaml and repo/millwright.yaml both name an image; leave one of them out');
  const ticket = readFileSync(join(place, 'ticket.md'), 'utf8');
  if (ticket.trim() === '') return bad('ticket.md is empty');
  return { kind: 'case', case: { ...parsed.data, name, folder: place, ticket } };
}

/** The changes that come with a case, as folders of files over `repo/`: a right one, and wrong ones. */
export function changesOf({ folder }: Case): { files: string; right: boolean }[] {
  const [solution, wrong] = [join(folder, 'solution'), join(folder, 'wrong')];
  const names = existsSync(wrong) ? namesIn(wrong) : [];
  return [
    ...(hasFiles(solution) ? [{ files: solution, right: true }] : []),
    ...names.map((name) => ({ files: join(wrong, name), right: false })),
  ];
}

const isA = (path: string, kind: 'file' | 'folder'): boolean => {
  const stat = statSync(path, { throwIfNoEntry: false });
  return stat !== undefined && (kind === 'file' ? stat.isFile() : stat.isDirectory());
};
const namesIn = (folder: string): string[] =>
  readdirSync(folder)
    .filter((name) => !name.startsWith('.'))
    .sort();
const hasFiles = (folder: string): boolean =>
  isA(folder, 'folder') &&
  readdirSync(folder, { recursive: true, withFileTypes: true }).some((one) => one.isFile());

/** All cases of a folder, by name, and what is wrong with the others. `results`, which may lie in it too, is none. */
export function readCases(folder: string, results = ''): { cases: Case[]; problems: string[] } {
  const names = namesIn(folder).filter(
    (name) => isA(join(folder, name), 'folder') && join(folder, name) !== results,
  );
  const read = names.map((name) => readCase(folder, name));
  return {
    cases: read.flatMap((one) => (one.kind === 'case' ? [one.case] : [])),
    problems: read.flatMap((one) => (one.kind === 'bad' ? [one.problem] : [])),
  };
}
