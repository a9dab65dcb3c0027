import type { Explanation, PolicyLayer, PolicyView, Replay } from '@millwright/api';
import type { Finding, Outcome, Problem } from '@millwright/policy';
import { clock } from '../text/format.ts';
import type { Look } from '../text/look.ts';
import { oneLine } from '../text/plain.ts';
import { table } from '../text/table.ts';
import { hang } from '../text/width.ts';
import { block, fields, heading } from './fields.ts';
import { markOf } from './state.ts';

/** Where in a file of a person's something is. */
export type Place = { file: string; line: number };

/** An id as its file has it: a layer's policies are named after the layer where they are judged. */
const own = (id: string): string => id.replace(/^(factory|unit|repository)\//, '');
const count = (n: number, what: string): string =>
  `${n} ${n === 1 ? what : what.replace(/y$/, 'ie')}${n === 1 ? '' : 's'}`;

function findingLines(look: Look, one: Problem & Place, level: Finding['level']): string[] {
  const { colour, symbol } = look;
  const paint = level === 'error' ? colour.red : colour.yellow;
  const mark = level === 'error' ? symbol.failed : '!';
  const [first = '', ...more] = hang(
    `${mark} `,
    `${one.file}:${one.line}:${one.column} ${one.policy === null ? '' : `${own(one.policy)}: `}${oneLine(one.text)}`,
    look.columns,
  );
  return [paint(first), ...more];
}

type CheckedFiles = {
  ok: boolean;
  policies: number;
  findings: readonly (Finding & Place)[];
  untold: readonly string[];
};

export function checkedLines(look: Look, checked: CheckedFiles): string[] {
  const { colour, symbol } = look;
  const { findings, untold } = checked;
  return [
    ...findings.flatMap((one) => findingLines(look, one, one.level)),
    ...(untold.length === 0
      ? []
      : hang(
          '  ',
          `Not told of ${untold.map(own).join(', ')}: whether it ever matches. It compares facts with each other, or too many of them.`,
          look.columns,
        ).map(colour.dim)),
    checked.ok
      ? colour.green(`${symbol.done} ${count(checked.policies, 'policy')}, all of which may be set`)
      : colour.red(`${symbol.failed} it would be refused, and what is in force would stay`),
  ];
}

type Tested = {
  ok: boolean;
  problems: readonly (Problem & Place)[];
  outcomes: readonly (Outcome & { file: string })[];
  untried: readonly string[];
};

/** A line a case under its file; of one that fails what was expected, what came, by which policies, and on what facts. */
export function testedLines(look: Look, tested: Tested, policies: number): string[] {
  const { colour, symbol } = look;
  const files = [...new Set(tested.outcomes.map(({ file }) => file))];
  const failed = tested.outcomes.filter(({ passed }) => !passed).length;
  const total = tested.outcomes.length;
  const cases = files.flatMap((file) => [
    colour.bold(file),
    ...tested.outcomes.filter((one) => one.file === file).flatMap((one) => outcomeLines(look, one)),
  ]);
  const tail =
    tested.problems.length > 0
      ? colour.red(`${symbol.failed} no case was tried`)
      : total === 0
        ? colour.red(
            `${symbol.failed} there are no cases: they are in files NAME.test.yaml beside the policy`,
          )
        : failed === 0
          ? colour.green(`${symbol.done} ${count(total, 'case')}, all as expected`)
          : colour.red(`${symbol.failed} ${failed} of ${count(total, 'case')} not as expected`);
  return [
    ...tested.problems.flatMap((one) => findingLines(look, one, 'error')),
    ...cases,
    ...(cases.length === 0 ? [] : ['']),
    tail,
    ...(total === 0 || tested.untried.length === 0
      ? []
      : hang(
          '  ',
          `${tested.untried.length} of ${count(policies, 'policy')} decided no case: ${tested.untried.map(own).join(', ')}`,
          look.columns,
        ).map(colour.yellow)),
  ];
}

function outcomeLines(look: Look, { passed, case: one, got, file }: Outcome & { file: string }): string[] {
  const { colour, symbol } = look;
  const [first = '', ...more] = hang(
    `  ${passed ? symbol.done : symbol.failed} `,
    oneLine(one.name),
    look.columns,
  );
  if (passed) return [colour.green(first.slice(0, 3)) + first.slice(3), ...more];
  const by = got.policies.length === 0 ? 'no policy permits it' : `by ${got.policies.map(own).join(', ')}`;
  const because = one.because.length === 0 ? '' : `, by ${one.because.map(own).join(', ')}`;
  return [
    colour.red(first),
    ...more.map(colour.red),
    ...fields(
      look,
      [
        ['expected', `${one.expect}${because}`],
        [
          'got',
          got.error === null
            ? `${got.decision}, ${by}`
            : `deny: it could not be evaluated (${oneLine(got.error)})`,
        ],
        [
          'on',
          one.facts.map(([path, value]) => `${path} = ${JSON.stringify(value)}`).join(', ') ||
            'an ordinary day',
        ],
        ['at', `${file}:${one.line}`],
      ],
      '      ',
    ),
  ];
}

/** The layers, the default one first; of each where it is from, who set it, and what its policies say. */
export const policyLines = (look: Look, view: PolicyView, now: number): string[] =>
  view.layers.flatMap((layer, at) => [...(at === 0 ? [] : ['']), ...layerLines(look, layer, now)]);

function layerLines(look: Look, layer: PolicyLayer, now: number): string[] {
  const { colour, symbol } = look;
  const { set, problems } = layer;
  const title = `${colour.bold(layer.layer)}  ${oneLine(layer.source)}`;
  if (layer.digest === null && problems.length === 0) return [`${title}${colour.dim(': none')}`];
  return [
    title,
    ...fields(
      look,
      [
        ['digest', layer.digest],
        [
          'set by',
          set === null
            ? null
            : `${oneLine(set.by)}, ${clock(set.at, now)} (entry ${set.position}): ${oneLine(set.reason)}`,
        ],
      ],
      '  ',
    ),
    ...problems.flatMap((one) =>
      hang(`  ${symbol.failed} `, `refused, and every gate with it: ${oneLine(one)}`, look.columns).map(
        colour.red,
      ),
    ),
    ...layer.policies.flatMap(({ id, effect, says }) =>
      hang(
        `  ${effect === 'permit' ? symbol.done : symbol.cancelled} `,
        `${id}: ${oneLine(says)}`,
        look.columns,
      ).map((line, nth) =>
        nth > 0 ? line : line.replace(/^ {2}\S/, effect === 'permit' ? colour.green : colour.yellow),
      ),
    ),
  ];
}

const DECIDED = { allow: 'allowed', deny: 'denied', needs_approval: 'waiting' } as const;
/** What another decision than the one that was made is. */
const OTHERWISE = {
  allow: 'It would not have been allowed if',
  deny: 'It would not have been denied if',
  needs_approval: 'It would have waited for nobody if',
} as const;

const valueText = (value: Explanation['facts'][number]['value']): string =>
  Array.isArray(value)
    ? value.length === 0
      ? 'none'
      : value.map(oneLine).join(', ')
    : oneLine(String(value));

/** A decision, the policies that made it, what they read, and what would have had to be otherwise. */
export function explanationLines(look: Look, view: Explanation, now: number): string[] {
  const { colour, symbol } = look;
  const mark = markOf(look, DECIDED[view.decision]);
  const needed =
    view.approvalsNeeded === 0 ? '' : ` for ${view.approvalsNeeded === 1 ? 'one person' : 'two people'}`;
  return [
    `${mark.paint(`${mark.symbol} ${DECIDED[view.decision]}${needed}`)}  ${colour.bold(`${view.action} in ${view.repo}`)}  ${colour.dim(view.gate)}`,
    ...fields(
      look,
      [
        ['reason', oneLine(view.reason)],
        ['decided', `${clock(view.at, now)} (entry ${view.position})`],
      ],
      '  ',
    ),
    ...view.notes.flatMap((note) => hang('  ! ', oneLine(note), look.columns).map(colour.yellow)),
    ...(view.policies.length === 0 ? [] : heading(look, 'Policies')),
    ...view.policies.flatMap(({ id, effect, says, text }) => [
      ...hang(
        `  ${effect === 'permit' ? symbol.done : symbol.cancelled} `,
        `${id}: ${oneLine(says)}`,
        look.columns,
      ),
      ...block(look, text.replace(/^\s*@\w+\(.*\)\s*$\n?/gm, ''), '      ').map(colour.dim),
    ]),
    ...(view.facts.length === 0 ? [] : heading(look, 'The facts that they read')),
    ...fields(
      look,
      view.facts.map(({ fact, value }) => [fact, valueText(value)]),
      '  ',
    ),
    ...(view.policies.length === 0 ? [] : differLines(look, view)),
  ];
}

function differLines(look: Look, { decision, smallest, complete }: Explanation): string[] {
  const sets = smallest.map((set) =>
    set.map(({ fact, is, would }) => `${fact} were ${valueText(would)}, not ${valueText(is)}`).join(' and '),
  );
  const found = complete ? [] : ['Others may do as well: not everything could be tried.'];
  if (sets.length === 0)
    return [
      '',
      ...hang(
        '',
        complete
          ? 'No few facts would have changed it.'
          : 'What would have changed it was not found within bounds.',
        look.columns,
      ),
    ];
  return [
    ...heading(look, OTHERWISE[decision]),
    ...sets.flatMap((text, at) => hang(at === 0 ? '     ' : '  or ', text, look.columns)),
    ...found.flatMap((text) => hang('  ', text, look.columns)).map(look.colour.dim),
  ];
}

/** Of so many decisions a line each; the JSON has all. */
const FLIPS = 50;

const decisionText = ({ decision, approvals }: Replay['flips'][number]['was']): string =>
  decision === 'needs_approval' ? (approvals === 1 ? 'one person' : 'two people') : decision;

/** How many decisions would be others, then those, the newest first. */
export function replayLines(look: Look, { judged, untold, flips }: Replay, now: number): string[] {
  const { colour, symbol } = look;
  const looser = flips.filter((one) => one.looser).length;
  const rows = table(
    look,
    [
      { title: 'decided', spare: 1 },
      { title: 'gate' },
      { title: 'repo', spare: 2 },
      { title: '' },
      { title: 'was' },
      { title: 'would be' },
      { title: 'by', wrapTo: 16 },
    ],
    flips
      .slice(0, FLIPS)
      .map(({ at, gate, repo, action, was, would, looser: more }) => [
        { text: clock(at, now), paint: colour.dim },
        gate,
        repo,
        action,
        decisionText(was),
        { text: decisionText(would), paint: more ? colour.yellow : colour.red },
        would.policies.map(own).join(', '),
      ]),
  );
  return [
    ...(rows.length === 0 || flips.length === 0 ? [] : [...rows, '']),
    ...(flips.length > FLIPS ? [colour.dim(`and ${flips.length - FLIPS} more: --json has them all`)] : []),
    ...hang(
      `${flips.length === 0 ? symbol.done : '!'} `,
      judged === 0
        ? 'No decision of that time could be judged again.'
        : flips.length === 0
          ? `All of ${count(judged, 'decision')} would be the same.`
          : `${flips.length} of ${count(judged, 'decision')} would be ${flips.length === 1 ? 'another' : 'others'}: ${flips.length - looser} stricter, ${looser} looser.`,
      look.columns,
    ).map(flips.length === 0 ? colour.green : colour.yellow),
    ...(untold === 0
      ? []
      : hang(
          '  ',
          `${count(untold, 'decision')} could not be judged again: no policy decided ${untold === 1 ? 'it' : 'them'}, or what did was not kept.`,
          look.columns,
        ).map(colour.dim)),
  ];
}
