import type { RunView, StageView, WhyView } from '@millwright/api';
import { stepsOf } from '../acts.ts';
import { ago, clock, count, duration, money, short } from '../text/format.ts';
import type { Look } from '../text/look.ts';
import { oneLine, paragraphs } from '../text/plain.ts';
import { type Cell, type Column, table } from '../text/table.ts';
import { cut, hang, widthOf } from '../text/width.ts';
import { canaryLines } from './canary.ts';
import { block, fields, heading } from './fields.ts';
import { gateLines } from './gate.ts';
import { markOf, stateCell, wordsOf } from './state.ts';
import { stopLines } from './stop.ts';

export function runList(look: Look, runs: readonly RunView[], now: number): string[] {
  if (runs.length === 0)
    return ['No runs yet. File a ticket: ./millwright ticket file FILE --repo NAME --follow'];
  const columns: Column[] = [
    { title: 'run' },
    { title: 'state' },
    { title: 'repo' },
    { title: 'title', shrinkTo: 16 },
    { title: 'time', align: 'right', spare: 2 },
    { title: 'cost', align: 'right', spare: 3 },
    { title: 'started', align: 'right', spare: 1 },
  ];
  const stops = new Map(runs.map(({ stop }) => [stop?.reason, stop]));
  const rows = table(
    look,
    columns,
    runs.map((run) => [
      run.id,
      stateCell(look, run.state),
      run.repo,
      oneLine(run.title),
      duration((run.endedAt ?? now) - run.startedAt),
      money(run.usage.usd),
      { text: ago(run.startedAt, now), paint: look.colour.dim },
    ]),
  );
  return [...rows, ...[...stops.values()].flatMap((stop) => stopLines(look, stop))];
}

const STAGE_COLUMNS: Column[] = [
  { title: '' },
  { title: '' },
  { title: '', shrinkTo: 8 },
  { title: '' },
  { title: '', align: 'right' },
  { title: '', align: 'right', spare: 1 },
  { title: '', wrapTo: 15 },
];

/** What an agent did last may be a whole script: `run logs` has it. */
const ACTION = 100;

/** A model's silence that is worth a word. */
const SLOW_MS = 10_000;

/** What a stage says beside its state: why it ended so, or what its agent does. */
function lastWord(look: Look, stage: StageView, now: number): string {
  if (stage.state !== 'running')
    return oneLine(stage.reason ?? cut(stage.action ?? '', ACTION, look.symbol.ellipsis));
  const { asks, doing } = stage;
  // Whoever thinks aloud, or runs a command, is not silent.
  if (asks !== null && doing !== null && !doing.startsWith('thinking (')) return oneLine(doing);
  const late =
    asks !== null && now - asks.since >= SLOW_MS
      ? `no answer from ${asks.model} for ${duration(now - asks.since)}`
      : null;
  return oneLine([stage.action, late].filter((said) => said !== null).join('; '));
}

const taskOf = (stage: StageView): string =>
  oneLine([stage.task, stage.title].filter((part) => part !== null && part !== '').join(' '));

export type StageOptions = { spinner?: string };

/** A line a stage: state symbol, kind, task, state, time, cost, and its agent's action or its reason. */
export function stageLines(look: Look, run: RunView, now: number, options: StageOptions = {}): string[] {
  const rows = run.stages.map((stage): Cell[] => {
    const mark = markOf(look, stage.state);
    const symbol = stage.state === 'running' ? (options.spinner ?? mark.symbol) : mark.symbol;
    const said = lastWord(look, stage, now);
    return [
      { text: symbol, paint: mark.paint },
      stage.attempt > 1 ? `${stage.kind} #${stage.attempt}` : stage.kind,
      taskOf(stage),
      { text: wordsOf(stage.state), paint: mark.paint },
      stage.state === 'waiting' ? '' : duration((stage.endedAt ?? now) - stage.startedAt),
      { text: money(stage.usage.usd), paint: look.colour.dim },
      { text: said, paint: stage.state === 'failed' ? look.colour.red : look.colour.dim },
    ];
  });
  return table(look, STAGE_COLUMNS, rows, '  ');
}

const tailOf = (look: Look, run: RunView, now: number): string =>
  [run.repo, duration((run.endedAt ?? now) - run.startedAt), money(run.usage.usd), run.id]
    .filter((part) => part !== '')
    .join(` ${look.symbol.dot} `);

/** `✔ done  Add a discount  shop · 12 s · $0.0310 · run_…`, within the terminal's width. */
export function runHeadline(look: Look, run: RunView, now: number): string {
  const mark = markOf(look, run.state);
  const tail = tailOf(look, run, now);
  const state = `${mark.symbol} ${wordsOf(run.state)}`;
  const title = cut(
    oneLine(run.title),
    Math.max(16, look.columns - widthOf(state + tail) - 4),
    look.symbol.ellipsis,
  );
  return `${mark.paint(state)}  ${look.colour.bold(title)}  ${look.colour.dim(tail)}`;
}

/** Lines of what was seen, behind a reason, that are shown beside everything else. */
const EVIDENCE_LINES = 12;

/** Why it is so, then what was seen, a line each. */
function reasonLines(look: Look, { id, reason }: RunView): string[] {
  const [first = '', ...seen] = paragraphs(reason ?? '')
    .split('\n')
    .filter((line) => line.trim() !== '');
  const left = seen.length - EVIDENCE_LINES;
  return [
    ...(first === '' ? [] : block(look, first, '  ')),
    ...seen.slice(0, EVIDENCE_LINES).flatMap((line) => block(look, line, '    ')),
    ...(left > 0 ? [look.colour.dim(`    ${left} more lines: ./millwright run why ${id}`)] : []),
  ];
}

/** What its reviews left open and its agents noticed beside their tasks, each with the number by which a ticket is made of it. */
export function followUpLines(look: Look, { id, open, noticed }: RunView): string[] {
  const line = (nth: number, text: string) => hang(`  ${nth}. `, oneLine(text), look.columns);
  const found = open.map(({ path, line: at, severity, message }, index) =>
    line(index + 1, `${severity}: ${path}${at === undefined ? '' : `:${at}`}: ${message}`),
  );
  const seen = noticed.map(({ role, task, text }, index) =>
    line(open.length + index + 1, `${text}  (${role}${task === null ? '' : ` ${task}`})`),
  );
  if (found.length + seen.length === 0) return [];
  return [
    ...(found.length === 0 ? [] : [...heading(look, 'Left open by its reviews'), ...found.flat()]),
    ...(seen.length === 0 ? [] : [...heading(look, 'Noticed beside its tasks'), ...seen.flat()]),
    `  ${look.colour.dim('as a ticket of its own:')} ./millwright run follow-up ${id} N`,
  ];
}

/** What a check states, and whether it holds: a mark that is no colour alone, then why where nobody can tell. */
function checkLines(look: Look, { acceptance, kind, state, why }: RunView['checks'][number]): string[] {
  const { colour, symbol } = look;
  const [mark, word] = {
    met: [colour.green(symbol.done), 'met'],
    not_met: [colour.red(symbol.failed), 'not met'],
    cannot_tell: [colour.yellow('?'), 'cannot tell'],
  }[state] as [string, string];
  const guard = kind === 'guard' ? ', a guard: as before the change' : '';
  return hang(
    `  ${mark} `,
    `${oneLine(acceptance)}  (${word}${guard}${why === null ? '' : `: ${why}`})`,
    look.columns,
  );
}

export function runShow(look: Look, run: RunView, now: number): string[] {
  const { usage } = run;
  const mark = markOf(look, run.state);
  return [
    `${mark.paint(`${mark.symbol} ${wordsOf(run.state)}`)}  ${look.colour.dim(tailOf(look, run, now))}`,
    ...block(look, oneLine(run.title), '  ').map(look.colour.bold),
    ...(run.stop === null ? reasonLines(look, run) : []),
    ...stepsOf(run).map((step) => `  ${look.colour.dim('next:')} ${step}`),
    ...stopLines(look, run.stop),
    ...run.unknown.flatMap(({ effect, position }) =>
      hang(
        '  ? ',
        `${oneLine(effect)}: attempted, outcome unknown (entry ${position}); the factory looks and records what it finds`,
        look.columns,
      ).map(look.colour.yellow),
    ),
    ...(run.stages.length === 0 ? [] : [...heading(look, 'Stages'), ...stageLines(look, run, now)]),
    ...(run.canary === null ? [] : [...heading(look, 'Canary'), ...canaryLines(look, run.canary, now)]),
    ...(run.gates.length === 0
      ? []
      : [...heading(look, 'Gates'), ...run.gates.flatMap((gate) => gateLines(look, gate))]),
    ...(run.checks.length === 0
      ? []
      : [...heading(look, 'Acceptance checks'), ...run.checks.flatMap((check) => checkLines(look, check))]),
    ...followUpLines(look, run),
    ...heading(look, 'Record'),
    ...fields(
      look,
      [
        ['ticket', run.ticket],
        [
          'change',
          run.change === null
            ? null
            : `${short(run.change.base)} ${look.symbol.arrow} ${short(run.change.commit)}  tree ${short(run.change.tree)}`,
        ],
        ['skipped', run.skipped === null ? null : oneLine(run.skipped)],
        ['kept', run.kept == null ? null : oneLine(run.kept)],
        [
          'delivered',
          run.delivered === null
            ? null
            : `${run.delivered.kind} on ${oneLine(run.delivered.ref)}, ${short(run.delivered.commit)}`,
        ],
        ['release', run.release],
        ['model', run.model === null ? null : oneLine(run.model)],
        [
          'tokens',
          `${count(usage.inputTokens)} in, ${count(usage.cacheReadTokens)} from cache, ${count(usage.outputTokens)} out`,
        ],
        ['cost', money(usage.usd)],
        ['started', clock(run.startedAt, now)],
        ['ended', run.endedAt === null ? null : clock(run.endedAt, now)],
      ],
      '  ',
    ),
  ];
}

export function runWhy(look: Look, why: WhyView, now: number): string[] {
  const mark = markOf(look, why.state);
  const rows = why.because.map((cause): Cell[] => [
    { text: String(cause.position), paint: look.colour.dim },
    { text: clock(cause.at, now), paint: look.colour.dim },
    oneLine(cause.text),
  ]);
  return [
    `${why.run} is ${mark.paint(wordsOf(why.state))}${rows.length === 0 ? '.' : ', because:'}`,
    ...table(look, [{ title: '', align: 'right' }, { title: '' }, { title: '', wrapTo: 30 }], rows, '  '),
    ...(why.said.length === 0 ? [] : ['', 'it said:', ...why.said.map((line) => `  ${paragraphs(line)}`)]),
    '',
    ...(why.who === null ? [] : [`${look.colour.dim('who:')}  the ${why.who}`]),
    ...stepsOf(why.next)
      .flatMap((step, at) => hang(at === 0 ? 'next: ' : 'then: ', paragraphs(step), look.columns))
      .map((line) => line.replace(/^(next|then):/, (word) => look.colour.dim(word))),
  ];
}
