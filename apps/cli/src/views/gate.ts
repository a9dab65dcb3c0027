import type { GateEvidence, GateView } from '@millwright/api';
import { JudgedFacts, undoText } from '@millwright/domain';
import { nextOf, stepsOf } from '../acts.ts';
import { ago, clock, short } from '../text/format.ts';
import type { Look } from '../text/look.ts';
import { oneLine, paragraphs } from '../text/plain.ts';
import { table } from '../text/table.ts';
import { cut, hang, widthOf, wrap } from '../text/width.ts';
import { block, fields, heading } from './fields.ts';
import { diffFiles, diffHead, patchLines, planLines, reportLines, reviewLines } from './run-parts.ts';
import { markOf, stateCell, wordsOf } from './state.ts';
import { stopLines } from './stop.ts';

const approvalsOf = (gate: GateView) =>
  gate.approvalsNeeded === 0 ? '' : `${gate.approvals.length} of ${gate.approvalsNeeded} approvals`;

/** `✔ merge allowed  step 6 allows it (policy default.merge)`, within the terminal's width less `indent`. */
export function gateLine(look: Look, gate: GateView, indent = 0): string {
  const mark = markOf(look, gate.state);
  const state = `${mark.symbol} ${gate.action} ${wordsOf(gate.state)}`;
  const id = gate.state === 'waiting' ? `  ${gate.id}` : '';
  const facts = [approvalsOf(gate), oneLine(gate.reason)].filter((part) => part !== '').join(', ');
  const room = Math.max(12, look.columns - indent - widthOf(state + id) - 2);
  return `${mark.paint(state)}${id}${facts === '' ? '' : look.colour.dim(`  ${cut(facts, room, look.symbol.ellipsis)}`)}`;
}

/** A gate in full, broken at spaces, and what is to be done about one that waits. */
export function gateLines(look: Look, gate: GateView): string[] {
  const mark = markOf(look, gate.state);
  const state = `${mark.symbol} ${gate.action} ${wordsOf(gate.state)}`;
  const facts = [approvalsOf(gate), oneLine(gate.reason)].filter((part) => part !== '').join(', ');
  const room = Math.max(20, look.columns - 4);
  const [first = '', ...more] = wrap(`${state}  ${facts}`.trim(), room);
  const next =
    gate.state === 'waiting'
      ? wrap(`next: ./millwright gate show ${gate.id}`, room).map((line) => `    ${look.colour.dim(line)}`)
      : [];
  return [
    `  ${mark.paint(state)}${look.colour.dim(first.slice(state.length))}`,
    ...more.map((line) => `    ${look.colour.dim(line)}`),
    ...next,
  ];
}

/** Which gates were asked for: decided ones too, of one repository or of each. */
type Listed = { all: boolean; repo?: string | undefined };

export function gateList(look: Look, gates: readonly GateView[], now: number, listed: Listed): string[] {
  const of = listed.repo === undefined ? '' : ` of ${listed.repo}`;
  if (gates.length === 0) return [listed.all ? `No gates${of} yet.` : `No gate${of} waits for anybody.`];
  const stops = new Map(gates.map(({ stop }) => [stop?.reason, stop]));
  const rows = table(
    look,
    [
      { title: 'gate' },
      { title: 'state' },
      { title: 'action' },
      { title: 'repo' },
      { title: 'run', spare: 3 },
      { title: 'approvals', align: 'right', spare: 1 },
      { title: 'expires', spare: 2 },
      { title: 'reason', wrapTo: 16, spare: 4 },
    ],
    gates.map((gate) => [
      gate.id,
      stateCell(look, gate.state),
      gate.action,
      gate.repo,
      gate.run,
      gate.approvalsNeeded === 0 ? '' : `${gate.approvals.length}/${gate.approvalsNeeded}`,
      gate.state === 'waiting' ? ago(gate.expiresAt, now) : '',
      oneLine(gate.reason),
    ]),
  );
  return [...rows, ...[...stops.values()].flatMap((stop) => stopLines(look, stop))];
}

/** A fact's value in a cell: lists by their elements, 8 at most; objects as JSON. */
function factText(value: unknown): string {
  if (Array.isArray(value)) {
    const shown = value.slice(0, 8).map((part) => (typeof part === 'string' ? part : JSON.stringify(part)));
    return value.length === 0
      ? 'none'
      : `${shown.join(', ')}${value.length > 8 ? ` and ${value.length - 8} more` : ''}`;
  }
  if (typeof value === 'string') return short(value);
  return value === undefined ? '' : JSON.stringify(value);
}

/** `{ change: { risk: 'low' } }` as `change.risk  low`, a fact a line; docs/facts.md has what a policy reads of each. */
function factRows(facts: unknown, prefix = ''): [string, string][] {
  if (typeof facts !== 'object' || facts === null || Array.isArray(facts)) return [[prefix, factText(facts)]];
  return Object.entries(facts).flatMap(([name, value]) => {
    const path = prefix === '' ? name : `${prefix}.${name}`;
    const nested = typeof value === 'object' && value !== null && !Array.isArray(value);
    return nested ? factRows(value, path) : [[path, factText(value)] as [string, string]];
  });
}

function nextStep(gate: GateView): string[] {
  const others = stepsOf(gate);
  if (gate.state !== 'waiting') return others;
  return [
    ...others,
    `./millwright gate approve ${gate.id} --reason "…"`,
    `./millwright gate deny ${gate.id} --reason "…"`,
  ];
}

/** Of a release, told first: it is what a person who allows a deploy relies on. */
function undoOf(gate: GateView, now: number): string | null {
  const facts = JudgedFacts.safeParse(gate.facts);
  return facts.success && facts.data.action === 'deploy' ? oneLine(undoText(facts.data.undo, now)) : null;
}

/** The patch's lines that are shown beside everything else; `run diff` has all. */
const PATCH_LINES = 200;

/** What a person decides on: first what is dangerous and what failed, the whole patch last. */
function evidenceLines(look: Look, { action }: GateView, evidence: GateEvidence): string[] {
  const { ticket, plan, diff, reviews, tests, troubles } = evidence;
  const text = (line: string) =>
    wrap(oneLine(line), Math.max(20, look.columns - 4)).map((part, at) => `  ${at === 0 ? '' : '  '}${part}`);
  return [
    ...heading(look, 'A yes'),
    ...text(`binds ${evidence.binds}`),
    ...[...evidence.does, ...stepsOf(evidence)].flatMap((line) => text(`- ${line}`)),
    ...(troubles.length === 0
      ? []
      : [
          ...heading(look, 'Known beforehand'),
          ...troubles.flatMap(({ text: said, fix }) => [
            ...hang('  - ', oneLine(said), look.columns),
            ...hang('    fix: ', oneLine(nextOf(fix) ?? ''), look.columns),
          ]),
        ]),
    ...(action === 'start'
      ? text('Nothing is made yet: plan, change, review and tests come after this gate.')
      : [
          ...heading(look, 'Change'),
          ...(diff === null
            ? ['  none now: it is being made again']
            : [...diffHead(look, diff).map((line) => `  ${line}`), ...diffFiles(look, diff)]),
          ...heading(look, 'Tests'),
          ...(tests === null ? ['  nothing was tested'] : reportLines(look, tests.report, 15)),
          ...heading(look, 'Review'),
          ...(reviews.length === 0 ? ['  nobody reviewed this change'] : reviewLines(look, reviews)),
        ]),
    '',
    ...block(look, `Ticket: ${oneLine(ticket.title)} (${ticket.kind})`, '').map(look.colour.bold),
    ...(ticket.body.trim() === '' ? ['  its title is all that it says'] : block(look, ticket.body, '  ')),
    ...(action === 'start'
      ? []
      : [
          ...heading(look, 'Plan'),
          ...(plan === null ? ['  there was none'] : planLines(look, plan)),
          ...(diff === null ? [] : [...heading(look, 'Patch'), ...patchLines(look, diff, PATCH_LINES)]),
        ]),
  ];
}

export function gateShow(look: Look, gate: GateView, evidence: GateEvidence, now: number): string[] {
  const mark = markOf(look, gate.state);
  const next = nextStep(gate);
  return [
    `${mark.paint(`${mark.symbol} ${wordsOf(gate.state)}`)}  ${look.colour.bold(`${gate.action} in ${gate.repo}`)}  ${look.colour.dim(gate.id)}`,
    ...stopLines(look, gate.stop),
    ...fields(
      look,
      [
        ['reason', paragraphs(gate.reason)],
        ['undo', undoOf(gate, now)],
        ['run', gate.run],
        ['decision', gate.decision === null ? null : wordsOf(gate.decision)],
        ['policies', gate.policies.map(oneLine).join(', ')],
        // What a person says yes to is these bytes and no others; a changed subject voids the approval.
        ['bound to', gate.subject],
        [
          'expires',
          gate.state === 'waiting' ? `${clock(gate.expiresAt, now)}, ${ago(gate.expiresAt, now)}` : null,
        ],
      ],
      '  ',
    ),
    ...(gate.approvalsNeeded === 0 && gate.approvals.length === 0
      ? []
      : [
          ...heading(
            look,
            gate.approvalsNeeded === 0
              ? `Approvals: ${gate.approvals.length}`
              : `Approvals: ${gate.approvals.length} of ${gate.approvalsNeeded}`,
          ),
          ...table(
            look,
            [{ title: '' }, { title: '' }, { title: '', shrinkTo: 20 }],
            gate.approvals.map((approval) => [
              oneLine(approval.name),
              { text: clock(approval.at, now), paint: look.colour.dim },
              oneLine(approval.reason),
            ]),
            '  ',
          ),
        ]),
    ...evidenceLines(look, gate, evidence),
    ...(gate.facts === null || gate.facts === undefined
      ? []
      : [
          ...heading(look, 'Facts'),
          ...fields(
            look,
            factRows(gate.facts).map(([name, value]) => [name, oneLine(value)]),
            '  ',
          ),
        ]),
    ...(next.length === 0 ? [] : [...heading(look, 'Next'), ...next.map((line) => `  ${line}`)]),
  ];
}
