// What may leave a sandbox. Pure: names, modes and link targets in, verdict out. Everything here was written by an agent.

export const CHANGE_MAX_PATHS = 2_000;
export const CHANGE_MAX_BYTES = 20 * 1_048_576;
const PATH_MAX = 4_096;

export type Touched = {
  path: string;
  oldMode: string;
  newMode: string;
  /** Target of a symlink that the change makes or points elsewhere; null for anything else. */
  link: string | null;
};

export type ChangeRefusal = { code: string; path: string | null; reason: string };

/** Why the change may not leave, or null. The first reason in the order given. */
export function checkChange(change: {
  touched: readonly Touched[];
  patchBytes: number;
}): ChangeRefusal | null {
  if (change.touched.length > CHANGE_MAX_PATHS)
    return {
      code: 'too_many_paths',
      path: null,
      reason: `${change.touched.length} paths changed; ${CHANGE_MAX_PATHS} at most`,
    };
  if (change.patchBytes > CHANGE_MAX_BYTES)
    return {
      code: 'too_large',
      path: null,
      reason: `the patch is larger than ${CHANGE_MAX_BYTES / 1_048_576} MiB`,
    };
  for (const touched of change.touched) {
    const reason = badPath(touched.path) ?? badMode(touched) ?? badLink(touched);
    if (reason !== null) return { ...reason, path: touched.path };
  }
  return null;
}

type Bad = { code: string; reason: string } | null;

function badPath(path: string): Bad {
  if (path === '' || path.length > PATH_MAX)
    return { code: 'bad_path', reason: 'the path is empty or too long' };
  if (path.startsWith('/') || path.split('/').some((part) => part === '' || part === '.' || part === '..'))
    return { code: 'bad_path', reason: 'the path is not inside the tree' };
  if (path.includes('\uFFFD')) return { code: 'bad_path', reason: 'the path is not UTF-8' };
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  if (/[\u0000-\u001f\u007f]/.test(path))
    return { code: 'bad_path', reason: 'the path holds a control character' };
  if (path.split(/[/\\]/).some(isDotGit)) return { code: 'git_path', reason: "it is under git's own folder" };
  return null;
}

/** Code points that HFS+ ignores in names (git's `next_hfs_char`): `.g<ZWNJ>it` is `.git` there. */
const IGNORED = /[\u200c-\u200f\u202a-\u202e\u206a-\u206f\ufeff]/g;

/** Whether some file system takes this name for `.git`: any case, ignorable code points, NTFS short name, stream or trailing dots. */
export function isDotGit(name: string): boolean {
  const plain = name
    .replace(IGNORED, '')
    .normalize('NFKC')
    .toLowerCase()
    .replace(/:.*$/s, '')
    .replace(/[. ]+$/, '');
  return plain === '.git' || /^git~\d+$/.test(plain);
}

function badMode({ newMode, oldMode }: Touched): Bad {
  if (newMode === '160000' || oldMode === '160000')
    return {
      code: 'submodule',
      reason: 'it is a submodule or a git repository of its own; remove its .git folder',
    };
  if (!['000000', '100644', '100755', '120000'].includes(newMode))
    return { code: 'bad_mode', reason: `it has mode ${newMode}: only files and links are taken` };
  return null;
}

const GIT_FILES = new Set(['.gitmodules', '.gitattributes', '.gitignore', '.mailmap']);

function badLink({ path, newMode, link }: Touched): Bad {
  if (newMode !== '120000') return null;
  if (link === null || link === '' || link.length > PATH_MAX || link.includes('\0'))
    return { code: 'bad_link', reason: "the link's target cannot be read" };
  if (GIT_FILES.has(path.slice(path.lastIndexOf('/') + 1).toLowerCase()))
    return { code: 'bad_link', reason: 'a file that git reads may not be a link' };
  const parts = link.split('/').filter((part) => part !== '' && part !== '.');
  const ups = parts.findIndex((part) => part !== '..');
  const climbs = ups < 0 ? parts.length : ups;
  // `..` after a name is refused outright: the name may be a link itself, and then says nothing of where `..` leads.
  if (
    link.startsWith('/') ||
    link.includes('\\') ||
    climbs > path.split('/').length - 1 ||
    parts.slice(climbs).includes('..')
  )
    return { code: 'link_escapes', reason: `the link leads out of the tree, or may: ${link.slice(0, 200)}` };
  if (parts.some(isDotGit)) return { code: 'git_path', reason: "the link leads into git's own folder" };
  return null;
}
