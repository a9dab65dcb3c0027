import { posix } from 'node:path';
import { quote } from './quote.ts';

// Scripts that read and write files, run by a shell of the sandbox like any command: PID 1 itself opens nothing that an agent could have
// made (a FIFO would hang it, a link to /proc/self/fd/1 would make it forge its own frames). What they print is the caller's word, one
// letter that says what it is, then the content: before the word may come what a dying process of the call before still said. Paths go in
// as quoted words and are resolved inside, once more.

/** The path relative to `root`, '.' for the root itself; null when it is not inside, or cannot be a path. */
export function inside(root: string, path: string): string | null {
  if (path.includes('\0') || path.length > 4_096) return null;
  const full = posix.resolve(root, path);
  if (full === root) return '.';
  return full.startsWith(`${root}/`) ? full.slice(root.length + 1) : null;
}

const locate = (root: string, path: string) => {
  const at = path.lastIndexOf('/');
  const folder = at < 0 ? '.' : path.slice(0, at);
  return { root: quote(root), folder: quote(`./${folder}`), base: quote(`./${path.slice(at + 1)}`) };
};

const RESOLVE = `no() { printf '%sR%s' "$w" "$1"; exit 0; }
within() { case $1/ in "$root"/*) ;; *) no 'it leads out of the workspace';; esac; }
follow() { if [ -L "$b" ]; then b=$(readlink -f -- "$b") || no 'it is a link that leads nowhere'; within "$b"; fi; }`;

/** Prints `word`, then `F` and at most `maxBytes` + 1 bytes, `D` and a listing, `A` when absent, or `R` and a reason. */
export function readScript(word: string, root: string, path: string, maxBytes: number): string {
  const at = locate(root, path);
  return `exec 2>/dev/null
w=${word}; root=${at.root}; b=${at.base}
${RESOLVE}
cd -P "$root" && cd -P ${at.folder} || { printf "$w"A; exit 0; }
within "$PWD"
follow
if [ -d "$b" ]; then printf "$w"D; ls -Ap1 -- "$b" | head -c ${maxBytes}
elif [ -f "$b" ]; then [ -r "$b" ] || no 'it may not be read'; printf "$w"F; exec head -c ${maxBytes + 1} -- "$b"
elif [ -e "$b" ]; then no 'it is neither a file nor a folder'
else printf "$w"A; fi`;
}

/** Writes its standard input. Prints `word`, then `W`, or `R` and a reason. A file that is there keeps its mode. */
export function writeScript(word: string, root: string, path: string): string {
  const at = locate(root, path);
  return `w=${word}; root=${at.root}; b=${at.base}
${RESOLVE}
cd -P "$root" || no 'the workspace is not there'
[ -d ${at.folder} ] || e=$(mkdir -p -- ${at.folder} 2>&1) || no "$e"
cd -P ${at.folder} || no 'the folder cannot be entered'
within "$PWD"
follow
[ ! -d "$b" ] || no 'it is a folder'
[ ! -e "$b" ] || [ -f "$b" ] || no 'it is not a file'
e=$( { cat >"$b"; } 2>&1) && printf "$w"W || no "$e"`;
}
