import type { DoctorLine, PersonView, RepoView } from '@millwright/domain';
import type { Look } from '../text/look.ts';
import { oneLine } from '../text/plain.ts';
import { table } from '../text/table.ts';

export const NO_REPOSITORIES = 'No repositories yet. Add one: ./millwright repo add PATH';

export function repoList(look: Look, repos: readonly RepoView[]): string[] {
  if (repos.length === 0) return [NO_REPOSITORIES];
  return table(
    look,
    [
      { title: 'repo' },
      { title: 'branch' },
      { title: 'deliver' },
      { title: 'step', align: 'right' },
      { title: 'live' },
      { title: 'address' },
      { title: 'from', shrinkTo: 20 },
    ],
    repos.map((repo) => [
      repo.name,
      oneLine(repo.branch),
      repo.deliver,
      String(repo.step),
      repo.live ?? '',
      oneLine(repo.address ?? ''),
      { text: oneLine(repo.url), paint: look.colour.dim },
    ]),
  );
}

export function personList(look: Look, people: readonly PersonView[]): string[] {
  return table(
    look,
    [{ title: 'person' }, { title: 'name', shrinkTo: 12 }, { title: 'roles' }, { title: '' }],
    people.map(({ id, name, roles, state, expiresAt }) => [
      id,
      oneLine(name),
      roles.join(', '),
      state === 'enrolled'
        ? ''
        : state === 'invited'
          ? `invited, until ${new Date(expiresAt ?? 0).toISOString()}`
          : state === 'expired'
            ? `invitation expired; another: ./millwright person rotate ${id}`
            : 'erased',
    ]),
  );
}

export function doctorLines(look: Look, lines: readonly DoctorLine[]): string[] {
  const { colour, symbol } = look;
  return lines.flatMap((line) => [
    `${line.ok ? colour.green(symbol.done) : colour.red(symbol.failed)} ${line.id.padEnd(10)} ${oneLine(line.text)}`,
    ...(line.ok || line.fix === null ? [] : [`  ${colour.dim('fix:')} ${oneLine(line.fix)}`]),
  ]);
}
