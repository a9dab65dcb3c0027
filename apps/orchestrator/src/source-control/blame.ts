import { GitSha } from '@millwright/domain';
import { gitFailed } from './git.ts';
import type { Repository } from './repository.ts';

/** Who brought a line, and what it says. `at`: milliseconds. */
type Blamed =
  | { kind: 'line'; commit: GitSha; title: string; author: string; at: number; text: string }
  | { kind: 'none'; reason: string };

/** What git says where there is no such file or line, beside what is broken. */
const NOT_THERE = /^fatal: (no such path .*|file .* has only \d+ lines?)$/m;

/** The commit that brought a line, counted from 1, of a file as it is at `head`. https://git-scm.com/docs/git-blame#_the_porcelain_format */
export async function blame(
  { git }: Pick<Repository, 'git'>,
  head: GitSha,
  path: string,
  line: number,
): Promise<Blamed> {
  const args = ['blame', '--porcelain', '-L', `${line},${line}`, head, '--', path];
  const result = await git.run(args, { env: { GIT_LITERAL_PATHSPECS: '1' } });
  const none = NOT_THERE.exec(result.stderr)?.[1];
  if (none !== undefined) return { kind: 'none', reason: none };
  if (result.exitCode !== 0) throw gitFailed(args, result);
  const said = result.stdout.toString();
  const field = (name: string): string => new RegExp(`^${name} (.*)$`, 'm').exec(said)?.[1] ?? '';
  return {
    kind: 'line',
    ...{ commit: GitSha.parse(said.split(' ')[0]), title: field('summary'), author: field('author') },
    ...{ at: Number(field('author-time')) * 1_000, text: /^\t(.*)$/m.exec(said)?.[1] ?? '' },
  };
}
