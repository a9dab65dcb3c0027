import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { z } from 'zod';
import { findFactory } from '../connection.ts';
import { type Context, show } from '../context.ts';
import { type Case, readCases } from '../eval/cases.ts';
import { type Configuration, readConfiguration, withFactory } from '../eval/configuration.ts';
import { CaseResult, compare, type Figures, figuresOf } from '../eval/figures.ts';
import { importCases } from '../eval/import.ts';
import {
  besideRows,
  comparisonLine,
  comparisonMarkdown,
  differenceRows,
  markdown,
  summaryRows,
  svg,
} from '../eval/report.ts';
import { runCase } from '../eval/run-case.ts';
import { Fail, usage } from '../fail.ts';
import { exitWith } from '../finish.ts';
import { parseWhole } from '../text/parse.ts';
import { table } from '../text/table.ts';
import { setUp } from '../up/set-up.ts';
import { hasImage } from './local-checks.ts';

type Options = Record<string, string | boolean | string[] | undefined>;

const CASES = 'docs/eval.md says what a case is';
const IMPORTED = 'docs/eval.md says what is imported';
const Kept = z.object({ results: z.array(CaseResult) });

type Evaluated = { name: string; results: CaseResult[]; figures: Figures; problems: string[] };
type Asked = { cases: Case[]; problems: string[]; parallel: number; step: number };
type Place = { out: string; data: string };

/** Runs the cases through a factory, so many at a time; what was told stays in the folder, so that a killed evaluation goes on. */
export async function evaluate(context: Context, [folder = '']: string[], options: Options): Promise<void> {
  const from = resolve(folder);
  const is = statSync(from, { throwIfNoEntry: false });
  if (is !== undefined && !is.isDirectory()) throw usage(`${folder} is no folder`, CASES);
  if (options.import !== undefined) return importInto(context, from, options);
  if (is === undefined) throw usage(`there is no folder ${folder}`, CASES);
  const out = resolve(String(options.out ?? `${basename(from)}-results`));
  const parallel = parseWhole(String(options.parallel ?? '2'), '--parallel', 1, 32);
  const step = parseWhole(String(options.step ?? '7'), '--step', 1, 7);
  const against = options.against === undefined ? null : readResults(String(options.against));
  const configurations = configurationsOf(options);
  if (existsSync(join(from, 'case.yaml')))
    throw usage(`${folder} is a case itself, and no folder of cases`, `./millwright eval ${dirname(from)}`);
  if (existsSync(out) && !statSync(out).isDirectory())
    throw usage(`${out} is no folder`, 'name another one with --out');
  const { cases, problems } = await withTheirImages(readCases(from, out));
  context.note(...problems.map((problem) => `! ${problem}`));
  if (cases.length > 0 && problems.length > 0) context.note(`  ${CASES}; the others are run`);
  if (cases.length === 0) throw usage(`${folder} holds no case`, CASES);
  const asked = { cases, problems, parallel, step };

  const ran: Evaluated[] = [];
  if (configurations.length === 0) {
    const name = String(options.name ?? basename(out));
    const { data } = findFactory(options, process.env);
    ran.push(await runCases(context, name, { out, data }, asked, against));
  }
  for (const configuration of configurations) {
    const { name } = configuration;
    context.note(`configuration ${name}`);
    const own = join(out, name);
    mkdirSync(own, { recursive: true });
    const place = { out: own, data: join(own, 'factory') };
    ran.push(
      await withFactory(configuration, place.data, (client) =>
        runCases({ ...context, client }, name, place, asked, against),
      ),
    );
  }
  const [first, second] = ran;
  if (first !== undefined && second !== undefined) compareTwo(context, out, first, second);
  const bad = ran.some(
    (one) => one.problems.length > 0 || one.results.some(({ verdict }) => verdict === 'invalid'),
  );
  exitWith(bad ? 1 : 0);
}

/** The cases whose image the engine has; the factory fetches none. */
async function withTheirImages({ cases, problems }: Pick<Asked, 'cases' | 'problems'>) {
  const { dockerHost } = setUp(process.env);
  const names = [...new Set(cases.flatMap(({ image }) => image ?? []))];
  const there = await Promise.all(names.map((name) => hasImage(dockerHost, name)));
  const away = new Set(names.filter((_, at) => !there[at]));
  const lacks = ({ image }: Case) => image !== undefined && away.has(image);
  return {
    cases: cases.filter((one) => !lacks(one)),
    problems: [
      ...problems,
      ...cases
        .filter(lacks)
        .map(
          ({ name, image }) =>
            `case ${name}: the engine has no image ${image}; docker pull ${image}, or build it`,
        ),
    ],
  };
}

function configurationsOf({ config = [], name }: Options): Configuration[] {
  const read = [config].flat().map((file) => readConfiguration(String(file)));
  if (read.length > 2)
    throw usage('two configurations are compared at a time', 'give --config once or twice');
  if (read.length > 0 && name !== undefined)
    throw usage('a configuration has a name of its own', 'leave --name out');
  if (read.length === 2 && read[0]?.name === read[1]?.name)
    throw usage(`both configurations are called ${read[0]?.name}`, 'give one of them another name');
  return read;
}

/** Every case with one configuration, told and kept in `out`. */
async function runCases(
  context: Context,
  name: string,
  { out, data }: Place,
  { cases, problems: unread, parallel, step }: Asked,
  against: { name: string; results: CaseResult[] } | null,
): Promise<Evaluated> {
  mkdirSync(out, { recursive: true });
  // A factory that is away, or does not let this person in, is no fault of a case.
  await context.client.call('listUnits');
  const problems = [...unread];
  const results: CaseResult[] = [];
  const waiting = [...cases];
  const worker = async (): Promise<void> => {
    for (let one = waiting.shift(); one !== undefined; one = waiting.shift()) {
      const result = await runCase(context, one, { out, step, data }).catch((error: unknown) => {
        if (!(error instanceof Fail)) throw error;
        const { message, next } = error.problem;
        const then = next === undefined ? '' : `; next: ${next}`;
        problems.push(`case ${one.name} did not come to an end: ${message}${then}`);
        context.note(`! ${problems.at(-1)}`);
        return null;
      });
      if (result === null) continue;
      results.push(result);
      context.note(`${result.verdict.replace('_', ' ').padEnd(16)} ${result.name}: ${result.why}`);
    }
  };
  await Promise.all(Array.from({ length: parallel }, worker));

  const invalid = results.filter(({ verdict }) => verdict === 'invalid').length;
  if (invalid > 0)
    context.note(
      `! ${invalid} of the cases tell nothing, and cost nothing: mend them, then run the same command again`,
    );
  results.sort((a, b) => (a.name < b.name ? -1 : 1));
  const figures = figuresOf(results);
  const compared = against === null ? null : { ...compare(results, against.results), name: against.name };
  const document = { name, results, figures, compared, problems };
  writeFileSync(join(out, 'results.json'), `${JSON.stringify(document, null, 2)}\n`);
  writeFileSync(join(out, 'report.md'), markdown(name, results, figures, compared));
  writeFileSync(join(out, 'report.svg'), svg(name, [{ name: '', figures }]));
  show(context, document, () => [
    ...table(
      context.look,
      [{ title: '' }, { title: '' }],
      summaryRows(figures).map(([what, value]) => [what, value]),
    ),
    ...(compared === null ? [] : ['', comparisonLine(name, compared)]),
    '',
    context.look.colour.dim(`${out}: results.json, report.md, report.svg`),
  ]);
  return { name, results, figures, problems };
}

/** Two configurations side by side, and case by case. */
function compareTwo(context: Context, out: string, first: Evaluated, second: Evaluated): void {
  const compared = { ...compare(first.results, second.results), name: second.name };
  const title = `${first.name} and ${second.name}`;
  const document = { first: first.name, second: second.name, compared };
  writeFileSync(join(out, 'comparison.json'), `${JSON.stringify(document, null, 2)}\n`);
  writeFileSync(join(out, 'comparison.md'), comparisonMarkdown(first, second, compared));
  writeFileSync(join(out, 'comparison.svg'), svg(title, [first, second]));
  show(context, document, () => [
    '',
    ...table(
      context.look,
      [{ title: '' }, { title: first.name }, { title: second.name }],
      besideRows(first.figures, second.figures),
    ),
    '',
    comparisonLine(first.name, compared),
    ...differenceRows(compared).map(([what, value]) => `${what}: ${value}`),
    context.look.colour.dim(`${out}: comparison.json, comparison.md, comparison.svg`),
  ]);
}

/** Makes cases of what others measure with; each that cannot be one is said, and so are the cases that could not be run. */
function importInto(context: Context, into: string, options: Options): void {
  const source = resolve(String(options.import));
  if (!existsSync(source)) throw usage(`there is nothing at ${options.import}`, IMPORTED);
  const { made, problems } = importCases(source, into, {
    repos: resolve(String(options.repos ?? dirname(source))),
    ...(options.test === undefined ? {} : { test: String(options.test) }),
  });
  if (made.length + problems.length === 0)
    throw usage(`${options.import} holds no row and no exercise`, IMPORTED);
  show(context, { made, problems }, () => [
    ...problems.map((problem) => `! ${problem}`),
    ...(problems.length === 0 ? [] : [`  ${IMPORTED}`]),
    made.length === 0
      ? 'no case was made'
      : `${made.length} ${made.length === 1 ? 'case' : 'cases'} in ${into}: ./millwright eval ${into}`,
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
