import type { GitSha } from '@millwright/domain';
import type { Git } from './git.ts';

/** Paths of a tree whose files are not in the repository: submodules, and files of which it has Git LFS's pointers alone. */
export type Elsewhere = { submodules: string[]; lfs: string[] };

const POINTER = 'version https://git-lfs.github.com/spec/v1';
const SUBMODULE = '160000';

/** A tree with neither costs one look at its attributes; what only names one, and has none, is not among them. */
export async function elsewhere(git: Git, tree: GitSha): Promise<Elsewhere> {
  const named = await grep(git, tree, {
    find: ['-E', '-e', '(^|[[:space:]])filter=lfs', '-e', '^[[:space:]]*path[[:space:]]*='],
    in: [':(glob)**/.gitattributes', '.gitmodules'],
  });
  const lines = named.map((line) => {
    const [at = '', text = ''] = line.split('\0');
    return { file: at.slice(tree.length + 1), text };
  });
  const patterns = lines.flatMap(({ file, text }) =>
    file === '.gitmodules' ? [] : (pathspecOf(file, text) ?? []),
  );
  const paths = lines.flatMap(({ file, text }) =>
    file === '.gitmodules' ? [unquoted(text.slice(text.indexOf('=') + 1).trim())] : [],
  );
  const [submodules, lfs] = await Promise.all([
    paths.length === 0 ? [] : submodulesAt(git, tree, paths),
    patterns.length === 0 ? [] : grep(git, tree, { find: ['-l', '-F', '-e', POINTER], in: patterns }),
  ]);
  return { submodules, lfs: lfs.map((line) => line.slice(tree.length + 1).replace(/\0$/, '')) };
}

/** The lines of `git grep -z`: NUL after the name; exit code 1 is "none". */
async function grep(git: Git, tree: GitSha, { find, in: paths }: { find: string[]; in: string[] }) {
  const found = await git.ask(['grep', '-z', '-I', ...find, tree, '--', ...paths], [0, 1]);
  const text = found.stdout.toString('utf8');
  return text.split(find.includes('-l') ? '\0' : '\n').filter(Boolean);
}

async function submodulesAt(git: Git, tree: GitSha, paths: readonly string[]): Promise<string[]> {
  const env = { GIT_LITERAL_PATHSPECS: '1' };
  const listed = await git.must(['ls-tree', '-z', '--full-tree', tree, '--', ...paths], { env });
  return listed
    .toString('utf8')
    .split('\0')
    .flatMap((line) => (line.startsWith(SUBMODULE) ? [line.slice(line.indexOf('\t') + 1)] : []));
}

/** The files that a line of attributes is about, as a pathspec (gitattributes(5): without a slash, at any depth below its folder). Pure. */
function pathspecOf(file: string, line: string): string | null {
  const [pattern] = /^\s*("(?:[^"\\]|\\.)*"|\S+)/.exec(line) ?? [];
  if (pattern === undefined || pattern.startsWith('#') || pattern.startsWith('[attr]')) return null;
  const plain = unquoted(pattern);
  const folder = file.slice(0, file.length - '.gitattributes'.length).replace(/[\\*?[\]]/g, '\\$&');
  const below = plain.includes('/') ? plain.replace(/^\//, '') : `**/${plain}`;
  return `:(glob)${folder}${below}`;
}

const unquoted = (text: string): string =>
  text.startsWith('"') && text.endsWith('"') ? text.slice(1, -1).replace(/\\(.)/g, '$1') : text;
