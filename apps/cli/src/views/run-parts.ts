import type { CostView, DiffView, LogLine, PlanView, ReviewView, TestsView } from '@millwright/api';
import type { Plan, TestReport } from '@millwright/domain';
import { uncounted, VERDICT_WORDS } from '@millwright/domain';
import { clock, count, duration, money } from '../text/format.ts';
import type { Look } from '../text/look.ts';
import { oneLine, paragraphs } from '../text/plain.ts';
import { table } from '../text/table.ts';
import { hang } from '../text/width.ts';
import { budgetList } from './budget.ts';
import { block, heading } from './fields.ts';

// What a run's stages made, for people: its change, plan, reviews, tests, what its agents did and what that cost.

const STATUS = { added: 'A', modified: 'M', deleted: 'D', type_changed: 'T' } as const;

/** The files of a change, what is dangerous first, each with why. */
export function diffFiles(look: Look, diff: DiffView, indent = '  '): string[] {
  return table(
    look,
    [{ title: '' }, { title: '', shrinkTo: 24 }, { title: '', align: 'right' }, { title: '', wrapTo: 20 }],
    diff.files.map((file) => [
      STATUS[file.status],
      oneLine(file.path),
      `+${file.added} -${file.removed}`,
      { text: file.why.map(oneLine).join('; '), paint: look.colour.red },
    ]),
    indent,
  );
}

const patchLine = ({ colour }: Look, line: string): string => {
  const text = paragraphs(line);
  if (/^(diff |index |--- |\+\+\+ |new file|deleted file)/.test(text)) return colour.bold(text);
  if (text.startsWith('@@')) return colour.cyan(text);
  return text.startsWith('+') ? colour.green(text) : text.startsWith('-') ? colour.red(text) : text;
};

/** `git diff` text, in the order in which it should be read. `most`: lines, the rest is named and left out. */
export function patchLines(look: Look, diff: DiffView, most = Number.POSITIVE_INFINITY): string[] {
  const lines = diff.files.flatMap((file) => [
    ...file.patch
      .split('\n')
      .filter((line, at, all) => line !== '' || at < all.length - 1)
      // Names of blobs say nothing to eyes; a pipe gets them.
      .filter((line) => !look.terminal || !/^index [0-9a-f]+\.\.[0-9a-f]+/.test(line))
      .map((line) => patchLine(look, line)),
    ...(file.cut
      ? [look.colour.yellow(`# ${oneLine(file.path)}: the rest is left out, it is too long`)]
      : []),
    ...(file.patch === '' && !file.cut ? [look.colour.yellow(`# ${oneLine(file.path)}: binary`)] : []),
  ]);
  if (lines.length <= most) return lines;
  return [
    ...lines.slice(0, most),
    look.colour.yellow(`# ${lines.length - most} more lines: ./millwright run diff ${diff.run}`),
  ];
}

export function diffHead(look: Look, diff: DiffView): string[] {
  const added = diff.files.reduce((sum, file) => sum + file.added, 0);
  const removed = diff.files.reduce((sum, file) => sum + file.removed, 0);
  return [
    `${diff.files.length === 1 ? '1 file' : `${diff.files.length} files`}, +${added} -${removed}, risk ${diff.risk}: ${oneLine(diff.of)}`,
    ...diff.reasons.flatMap((reason) => block(look, `- it ${oneLine(reason)}`, '  ')),
  ];
}

export function planLines(look: Look, plan: Plan): string[] {
  const { colour } = look;
  if (plan.kind === 'question') return [colour.bold('The planner asks'), ...block(look, plan.question, '  ')];
  return [
    ...block(look, plan.summary, '  '),
    ...(plan.measured === undefined ? [] : ['', '  measured', ...block(look, plan.measured, '    ')]),
    ...(plan.excerpts === undefined
      ? []
      : [
          '',
          '  handed on',
          ...plan.excerpts.flatMap(({ path, from, to }) =>
            block(look, `${oneLine(path)}:${from}-${to}`, '    '),
          ),
        ]),
    ...plan.tasks.flatMap((task) => [
      '',
      `  ${colour.bold(`${task.id}  ${oneLine(task.title)}`)}${task.dependsOn.length === 0 ? '' : colour.dim(`  after ${task.dependsOn.join(', ')}`)}`,
      ...block(look, task.instructions, '    '),
      ...(task.places === undefined
        ? []
        : [`    ${colour.dim('its places in files that other tasks write in too')}`]),
      ...(task.places ?? []).flatMap((line) => block(look, `- ${oneLine(line)}`, '    ')),
      ...(task.acceptance.length === 0 ? [] : [`    ${colour.dim('accepted when')}`]),
      ...task.acceptance.flatMap((line) => block(look, `- ${oneLine(line)}`, '    ')),
    ]),
  ];
}

export const planShow = (look: Look, { run, plan }: PlanView): string[] =>
  plan === null
    ? [`There is no plan yet. See where it is: ./millwright run show ${run}`]
    : planLines(look, plan);

export function reviewLines(look: Look, reviews: readonly ReviewView[]): string[] {
  const { colour, symbol } = look;
  return reviews.flatMap((review, place) => {
    const good = review.verdict === 'approve';
    const head = `${good ? symbol.done : symbol.again} ${good ? 'approved' : 'changes requested'}`;
    const of = review.task === null ? 'the whole change' : `task ${review.task}`;
    return [
      ...(place === 0 ? [] : ['']),
      `  ${(good ? colour.green : colour.yellow)(head)}  ${of}${review.current ? '' : colour.dim('  of an earlier change')}`,
      ...(review.summary === '' ? [] : block(look, review.summary, '    ')),
      ...review.findings.flatMap((finding) =>
        block(
          look,
          `${finding.severity}: ${oneLine(finding.path)}${finding.line === undefined ? '' : `:${finding.line}`}: ${finding.message}`,
          '    ',
        ),
      ),
    ];
  });
}

export const reviewShow = (look: Look, reviews: readonly ReviewView[]): string[] =>
  reviews.length === 0 ? ['Nothing was reviewed yet.'] : reviewLines(look, reviews);

/** Lines of a command's output that are shown where nothing says which of them matter. */
const OUTPUT_LINES = 40;

const outputOf = (look: Look, output: string, most: number): string[] => {
  const lines = paragraphs(output).trim().split('\n');
  const left = lines.length - most;
  return [
    ...(left > 0 ? [look.colour.dim(`    … ${left} lines before`)] : []),
    ...lines.slice(-most).map((line) => `    ${line}`.trimEnd()),
  ];
};

/** One report: the verdict, what failed and what it said, what would have passed anyway, and each acceptance check. */
export function reportLines(look: Look, report: TestReport, most = OUTPUT_LINES): string[] {
  const { colour, symbol } = look;
  const good = report.verdict === 'passed';
  const suite = report.suite;
  const lists = [
    ['failing', report.names.failing],
    ['missing', report.names.missing],
    ['failing on the base too', report.names.failingOnBase],
    ['fails as the base has it', report.baseTests.failing],
    ['passes without the change too', report.ownTests?.passing ?? []],
    ['fails without the change', report.names.turned],
  ] as const;
  const verdict = `${good ? symbol.done : symbol.failed} ${VERDICT_WORDS[report.verdict]}`;
  return [
    ...block(look, `${verdict}  ${oneLine(report.reason)}`, '  ').map((line, at) =>
      at === 0 ? line.replace(verdict, good ? colour.green : colour.red) : line,
    ),
    ...(suite === null
      ? []
      : block(
          look,
          `$ ${oneLine(suite.command)}  ${suite.timedOut ? 'stopped at its limit' : `exit code ${suite.exitCode}`}, ${duration(suite.ms)}, ${report.names.reported} tests by name`,
          '    ',
        ).map(colour.dim)),
    ...(report.fellBack === null
      ? []
      : block(look, `not followed as far as it could be: ${report.fellBack}`, '    ')),
    ...lists.flatMap(([title, names]) =>
      names.length === 0
        ? []
        : [
            `    ${colour.dim(title)}`,
            ...names.slice(0, 10).map((name) => `      ${oneLine(name)}`),
            ...(names.length > 10 ? [colour.dim(`      and ${names.length - 10} more`)] : []),
          ],
    ),
    ...report.failures
      .slice(0, 5)
      .flatMap(({ cause, tests, count: times }) => [
        `    ${colour.red(`${times} × `)}${tests.slice(0, 3).map(oneLine).join(', ')}`,
        ...outputOf(look, cause, most),
      ]),
    ...(suite !== null && !good && report.failures.length === 0 ? outputOf(look, suite.output, most) : []),
    ...report.acceptance.flatMap((check) => {
      const { acceptance, result } = check;
      if (uncounted(check) !== null) {
        const why = check.byTree === true && result.exitCode === 0 ? 'cannot tell' : 'does not count';
        return [colour.dim(`    – ${oneLine(acceptance)}  (${why})`)];
      }
      const met = result.exitCode === 0;
      return [
        ...hang(
          `    ${met ? colour.green(symbol.done) : colour.red(symbol.failed)} `,
          oneLine(acceptance),
          look.columns,
        ),
        ...(met
          ? []
          : [colour.dim(`      $ ${oneLine(result.command)}`), ...outputOf(look, result.output, 10)]),
      ];
    }),
    ...(report.mutants === null
      ? []
      : block(
          look,
          `of ${report.mutants.tried} small faults put into the change, its tests noticed ${report.mutants.noticed}`,
          '    ',
        ).map(colour.dim)),
    ...report.doubts.flatMap((doubt) =>
      block(
        look,
        `look at: the change ${doubt.text}${doubt.path === undefined ? '' : ` (${doubt.path}${doubt.line === undefined ? '' : `:${doubt.line}`})`}`,
        '    ',
      ).map(colour.yellow),
    ),
  ];
}

export function testsShow(look: Look, tests: readonly TestsView[]): string[] {
  if (tests.length === 0) return ['Nothing was tested yet.'];
  return tests.flatMap((one, place) => [
    ...(place === 0 ? [] : ['']),
    look.colour.bold(
      one.of === 'release' ? 'The release as built' : one.current ? 'The change' : 'An earlier change',
    ),
    ...reportLines(look, one.report),
  ]);
}

const SAYS = { says: '', calls: '$ ', gets: '> ' } as const;

export function logShow(look: Look, run: string, lines: readonly LogLine[], now: number): string[] {
  if (lines.length === 0) return ['No agent has done anything yet.'];
  const { colour } = look;
  let attempt = '';
  const shown = lines.flatMap((line) => {
    const head =
      line.attempt === attempt
        ? []
        : [
            ...(attempt === '' ? [] : ['']),
            `${colour.bold([line.role, line.task].filter(Boolean).join(' '))}  ${colour.dim(line.attempt)}`,
          ];
    attempt = line.attempt;
    return [
      ...head,
      `  ${colour.dim(clock(line.at, now))}  ${oneLine(line.text)}${line.usd === 0 ? '' : colour.dim(`  ${money(line.usd)}`)}`,
      ...line.blocks.flatMap(({ kind, text, cut }) => [
        ...block(look, SAYS[kind] + text, '      ').map(kind === 'gets' ? colour.dim : (one: string) => one),
        ...(cut ? [colour.yellow('      … the rest is left out, it is too long')] : []),
      ]),
    ];
  });
  return lines.some((line) => line.blocks.length > 0)
    ? shown
    : [
        ...shown,
        '',
        `${colour.dim('what was said in one:')} ./millwright run logs ${run} --attempt ${lines.at(-1)?.attempt ?? 'ATTEMPT'}`,
      ];
}

/** What went where, a line a role that spent something; `cached`: of all that it was sent, so much was read from the cache. */
function byRole({ stages }: CostView) {
  return [...new Set(stages.map(({ kind }) => kind))].flatMap((kind) => {
    const own = stages.filter((stage) => stage.kind === kind && stage.turns > 0);
    if (own.length === 0) return [];
    const sum = (of: (stage: CostView['stages'][number]) => number) =>
      own.reduce((total, stage) => total + of(stage), 0);
    const cached = sum(({ usage }) => usage.cacheReadTokens);
    const sent = cached + sum(({ usage }) => usage.inputTokens + usage.cacheWriteTokens);
    const went = {
      toolOutput: sum((stage) => stage.went.toolOutput),
      written: sum((stage) => stage.went.written),
      thinking: sum((stage) => stage.went.thinking),
    };
    return [{ kind, went, cached: sent === 0 ? 0 : Math.round((100 * cached) / sent) }];
  });
}

export function costShow(look: Look, cost: CostView): string[] {
  const { usage } = cost;
  return [
    ...table(
      look,
      [
        { title: 'stage' },
        { title: 'task', shrinkTo: 8 },
        { title: 'model', shrinkTo: 12 },
        { title: 'turns', align: 'right' },
        { title: 'in', align: 'right' },
        { title: 'cached', align: 'right' },
        { title: 'out', align: 'right' },
        { title: 'cost', align: 'right' },
      ],
      [
        ...cost.stages.map((stage) => [
          stage.attempt > 1 ? `${stage.kind} #${stage.attempt}` : stage.kind,
          stage.task ?? '',
          oneLine(stage.model ?? ''),
          String(stage.turns),
          count(stage.usage.inputTokens),
          count(stage.usage.cacheReadTokens),
          count(stage.usage.outputTokens),
          money(stage.usage.usd) || '$0',
        ]),
        [
          'all',
          '',
          '',
          '',
          count(usage.inputTokens),
          count(usage.cacheReadTokens),
          count(usage.outputTokens),
          money(usage.usd) || '$0',
        ],
      ],
    ),
    ...heading(look, 'Where its tokens went'),
    ...table(
      look,
      [
        { title: 'role' },
        { title: 'tools printed', align: 'right' },
        { title: 'model wrote', align: 'right' },
        { title: 'thinking', align: 'right' },
        { title: 'read from cache', align: 'right' },
      ],
      byRole(cost).map(({ kind, went, cached }) => [
        kind,
        count(went.toolOutput),
        count(went.written),
        count(went.thinking),
        `${cached} %`,
      ]),
    ),
    ...(cost.dearest.length === 0 ? [] : heading(look, 'Dearest turns')),
    ...table(
      look,
      [
        { title: 'stage' },
        { title: 'turn', align: 'right' },
        { title: 'cost', align: 'right' },
        { title: 'did', shrinkTo: 20 },
      ],
      cost.dearest.map(({ kind, task, turn, action, usage: spent }) => [
        task === null ? kind : `${kind} ${task}`,
        String(turn),
        money(spent.usd) || '$0',
        oneLine(action),
      ]),
    ),
    ...heading(look, 'Taken from'),
    ...budgetList(look, cost.budgets, true),
  ];
}
