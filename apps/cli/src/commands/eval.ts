import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { z } from 'zod';
import { type Context, show } from '../context.ts';
import { readCases } from '../eval/cases.ts';
import { CaseResult, compare, figuresOf } from '../eval/figures.ts';
import { importCases } from '../eval/import.ts';
import { comparisonLine, markdown, summaryRows, svg } from '../eval/report.ts';
import { runCase } from '../eval/run-case.ts';
import { Fail, usage } from '../fail.ts';
import { exitWith } from '../finish.ts';
import { parseWhole } from '../text/parse.ts';
import { table } from '../text/table.ts';

type Options = Record<string, string | boolean | undefined>;

const Kept = z.object({ results: z.array(CaseResult) });

/** Runs the cases through the factory, so many at a time; what was told stays in the folder, so that a killed evaluation goes on. */
export async function evaluate(context: Context, [folder = '']: string[], options: Options): Promise<void> {
  const from = resolve(folder);
  if (options.import !== undefined) return importInto(context, from, options);
  if (!existsSync(from)) throw usage(`there is no folder ${folder}`, 'docs/eval.md says what a case is');
  const out = resolve(String(options.out ?? `${basename(from)}-results`));
  const parallel = parseWhole(String(options.parallel ?? '2'), '--parallel', 1, 32);
  const step = parseWhole(String(options.step ?? '7'), '--step', 1, 7);
  const against = options.against === undefined ? null : readResults(String(options.against));
  const { cases, problems } = readCases(from);
  for (const problem of problems) context.note(`! ${problem}`);
  if (cases.length === 0) throw usage(`${folder} holds no case`, 'docs/eval.md says what a case is');
  mkdirSync(out, { recursive: true });

  const results: CaseResult[] = [];
  const waiting = [...cases];
  const worker = async (): Promise<void> => {
    for (let one = waiting.shift(); one !== undefined; one = waiting.shift()) {
      const result = await runCase(context, one, { out, step }).catch((error: unknown) => {
        if (!(error instanceof Fail)) throw error;
        problems.push(`case ${one.name} did not come to an end: ${error.problem.message}`);
        context.note(`! ${problems.at(-1)}`);
        return null;
      });
      if (result === null) continue;
      results.push(result);
      context.note(`${result.verdict.replace('_', ' ').padEnd(16)} ${result.name}: ${result.why}`);
    }
  };
  await Promise.all(Array.from({ length: parallel }, worker));

  results.sort((a, b) => (a.name < b.name ? -1 : 1));
  const figures = figuresOf(results);
  const title = String(options.name ?? basename(out));
  const compared = against === null ? null : { ...compare(results, against.results), name: against.name };
  const document = { name: title, results, figures, compared, problems };
  writeFileSync(join(out, 'results.json'), `${JSON.stringify(document, null, 2)}\n`);
  writeFileSync(join(out, 'report.md'), markdown(title, results, figures, compared));
  writeFileSync(join(out, 'report.svg'), svg(title, figures));
  show(context, document, () => [
    ...table(
      context.look,
      [{ title: '' }, { title: '' }],
      summaryRows(figures).map(([name, value]) => [name, value]),
    ),
    ...(compared === null ? [] : ['', comparisonLine(compared)]),
    '',
    context.look.colour.dim(`${out}: results.json, report.md, report.svg`),
  ]);
  exitWith(problems.length > 0 || results.some(({ verdict }) => verdict === 'invalid') ? 1 : 0);
}

/** Makes cases of what others measure with; each that cannot be one is said, and so are the cases that could not be run. */
function importInto(context: Context, into: string, options: Options): void {
  const source = resolve(String(options.import));
  if (!existsSync(source))
    throw usage(`there is nothing at ${options.import}`, 'docs/eval.md says what is imported');
  const { made, problems } = importCases(source, into, {
    repos: resolve(String(options.repos ?? dirname(source))),
    ...(options.test === undefined ? {} : { test: String(options.test) }),
  });
  if (made.length + problems.length === 0)
    throw usage(`${options.import} holds no row and no exercise`, 'docs/eval.md says what is imported');
  show(context, { made, problems }, () => [
    ...problems.map((problem) => `! ${problem}`),
    `${made.length} cases in ${into}; run them with ./millwright eval ${into}`,
  ]);
  exitWith(problems.length > 0 ? 1 : 0);
}

function readResults(given: string): { name: string; results: CaseResult[] } {
  const file = given.endsWith('.json') ? given : join(given, 'results.json');
  try {
    return { name: basename(resolve(given)), ...Kept.parse(JSON.parse(readFileSync(file, 'utf8'))) };
  } catch (error) {
    throw usage(
      `${file} holds no results of an evaluation: ${error instanceof Error ? error.message.split('\n')[0] : error}`,
      'name the folder that an evaluation wrote',
    );
  }
}
