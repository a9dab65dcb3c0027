import type {
  ConnectionView,
  DoctorLine,
  PersonView,
  RepoView,
  RunnerView,
  SetupTrouble,
  UnitView,
} from '@millwright/api';
import { DEFAULT_UNIT, grantsText, nameOfScope } from '@millwright/domain';
import { nextOf } from '../acts.ts';
import { ago } from '../text/format.ts';
import type { Look } from '../text/look.ts';
import { oneLine, paragraphs } from '../text/plain.ts';
import { table } from '../text/table.ts';
import { hang } from '../text/width.ts';

export const NO_REPOSITORIES = 'No repositories yet. Add one: ./millwright repo add PATH';

/** What cannot work with a repository, and what mends it: told wherever it is shown, before anything is paid for. */
const troubleLines = (look: Look, name: string, troubles: readonly SetupTrouble[]): string[] =>
  troubles.flatMap(({ text, fix, blocks }) => [
    ...hang(`${blocks ? look.symbol.failed : '!'} `, `${name}: ${oneLine(text)}`, look.columns).map(
      blocks ? look.colour.red : look.colour.yellow,
    ),
    ...hang('  fix: ', oneLine(nextOf(fix) ?? ''), look.columns),
  ]);

export function repoList(look: Look, repos: readonly RepoView[]): string[] {
  if (repos.length === 0) return [NO_REPOSITORIES];
  const troubles = repos.flatMap((repo) => troubleLines(look, repo.name, repo.troubles));
  return [...rows(look, repos), ...(troubles.length === 0 ? [] : ['', ...troubles])];
}

function rows(look: Look, repos: readonly RepoView[]): string[] {
  // Who has no units is told of none.
  const units = repos.some(({ unit }) => unit !== DEFAULT_UNIT);
  return table(
    look,
    [
      { title: 'repo' },
      ...(units ? [{ title: 'unit' }] : []),
      { title: 'branch' },
      { title: 'deliver' },
      { title: 'step', align: 'right' },
      { title: 'live', spare: 1 },
      { title: 'address', spare: 2 },
      { title: 'from', shrinkTo: 20 },
    ],
    repos.map((repo) => [
      repo.name,
      ...(units ? [repo.unit] : []),
      oneLine(repo.branch),
      repo.deliver,
      String(repo.step),
      repo.live ?? '',
      oneLine(repo.address ?? ''),
      { text: oneLine(repo.url), paint: look.colour.dim },
    ]),
  );
}

export const unitList = (look: Look, units: readonly UnitView[]): string[] =>
  table(
    look,
    [{ title: 'unit' }, { title: 'repositories', shrinkTo: 20 }, { title: '' }],
    units.map(({ name, repos, policy }) => [
      name,
      repos.join(', '),
      policy === null ? '' : { text: 'has a policy', paint: look.colour.dim },
    ]),
  );

export function runnerList(look: Look, runners: readonly RunnerView[], now: number): string[] {
  if (runners.length === 0)
    return [
      'No runner is there: nothing is planned, made or tested.',
      `${look.colour.dim('next:')} npm start, or on another machine: docker-compose up --detach --no-deps folders sandbox-runner`,
    ];
  return table(
    look,
    [
      { title: 'runner', shrinkTo: 12 },
      { title: 'state', wrapTo: 16 },
      { title: 'holds', align: 'right' },
      { title: 'what', shrinkTo: 16, spare: 1 },
      { title: 'labels', spare: 3 },
      { title: 'version', spare: 4 },
      { title: 'since', align: 'right', spare: 2 },
    ],
    runners.map(({ name, drained, holds, concurrency, labels, version, since }) => [
      name,
      drained === null
        ? { text: 'takes work', paint: look.colour.green }
        : {
            text: `drained by ${oneLine(drained.by)}: ${oneLine(drained.reason)}`,
            paint: look.colour.yellow,
          },
      `${holds.length} of ${concurrency}`,
      [...new Set(holds.map(({ title, attempt }) => oneLine(title ?? attempt)))].join('; '),
      labels.join(' '),
      version,
      ago(since, now),
    ]),
  );
}

/** A unit, and what its own policy says. */
export const unitShow = (look: Look, unit: UnitView): string[] => [
  ...unitList(look, [unit]),
  ...(unit.policy === null ? [] : ['', ...paragraphs(unit.policy).split('\n')]),
];

const stateText = ({ id, state, expiresAt }: PersonView): string => {
  switch (state) {
    case 'enrolled':
      return '';
    case 'invited':
      return `invited, until ${new Date(expiresAt ?? 0).toISOString()}`;
    case 'expired':
      return `invitation expired; another: ./millwright person rotate ${id}`;
    case 'erased':
      return 'erased';
  }
};

export function personList(look: Look, people: readonly PersonView[]): string[] {
  return table(
    look,
    [{ title: 'person' }, { title: 'name', shrinkTo: 12 }, { title: 'roles', shrinkTo: 16 }, { title: '' }],
    people.map((person) => [person.id, oneLine(person.name), rolesText(person), stateText(person)]),
  );
}

/** What is had everywhere by its name alone. */
const rolesText = ({ roles, grants }: Pick<PersonView, 'roles' | 'grants'>): string => {
  const parts = grants.filter(({ scope }) => scope.kind !== 'factory');
  return [roles.join(', '), parts.length === 0 ? '' : grantsText(parts)]
    .filter((one) => one !== '')
    .join('; ');
};

/** A person, a line a role. */
export const personShow = (look: Look, person: PersonView): string[] => [
  ...table(
    look,
    [{ title: 'person' }, { title: 'name', shrinkTo: 12 }, { title: '' }],
    [[person.id, oneLine(person.name), stateText(person)]],
  ),
  ...person.grants.map(({ role, scope }) => `${role.padEnd(8)} of ${nameOfScope(scope)}`),
];

/** A check of the factory's or of this machine's, and what mends it as a line. */
export type Check = Omit<DoctorLine, 'fix'> & { fix: string | null };

export function doctorLines(look: Look, lines: readonly Check[]): string[] {
  const { colour, symbol } = look;
  return lines.flatMap((line) => [
    ...hang(
      `${line.ok ? symbol.done : symbol.failed} ${line.id.padEnd(10)} `,
      oneLine(line.text),
      look.columns,
    ).map((text, at) =>
      at > 0
        ? text
        : (line.ok ? colour.green(text.slice(0, 1)) : colour.red(text.slice(0, 1))) + text.slice(1),
    ),
    ...(line.ok || line.fix === null ? [] : hang('  fix: ', oneLine(line.fix), look.columns)),
  ]);
}

export function connectionList(look: Look, all: readonly ConnectionView[], now: number): string[] {
  if (all.length === 0)
    return [
      'No repository is connected. Connect one: ./millwright connect github --repo NAME --project OWNER/NAME',
    ];
  return [
    ...table(
      look,
      [
        { title: 'repo' },
        { title: 'at' },
        { title: 'project', shrinkTo: 20 },
        { title: 'label' },
        { title: '' },
      ],
      all.map(({ repo, kind, project, label, delay }) => [
        ...[repo, kind, oneLine(project), oneLine(label)],
        delay === null
          ? 'followed'
          : { text: `waits, since ${ago(delay.since, now)}`, paint: look.colour.yellow },
      ]),
    ),
    ...all.flatMap(({ repo, delay }) =>
      delay === null
        ? []
        : [
            '',
            ...hang(
              '! ',
              `${repo}: ${oneLine(delay.reason)}; nothing is lost, it is tried again`,
              look.columns,
            ),
          ],
    ),
  ];
}

/** What will be done at a place, and whether it may be. */
export const rightList = (
  look: Look,
  rights: readonly { right: string; has: 'yes' | 'no' | 'unknown'; fix: string }[],
): string[] =>
  rights.flatMap(({ right, has, fix }) => [
    has === 'yes'
      ? look.colour.green(`${look.symbol.done} ${right}`)
      : has === 'no'
        ? look.colour.red(`${look.symbol.failed} ${right}`)
        : look.colour.yellow(`? ${right}: only the first time tells`),
    ...(has === 'yes' || fix === '' ? [] : hang('  fix: ', oneLine(fix), look.columns)),
  ]);
