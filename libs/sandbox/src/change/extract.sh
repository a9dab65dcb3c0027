# Reads a dead sandbox's workspace (/workspace, read-only, dependencies not among it; /upper, its overlay's upper) and says what changed, in a clean container.
# $1 the tree that the workspace started from, $2 the tree to measure against, $3 most bytes of patch, $4 most new files, $5 and $6 most
# files and bytes of the tree that it comes to, which is left unpacked in /out/tree, or over the tree $8 in /made, $7 object format; the rest: folders that the dependencies' installation made. Plumbing only, on a git directory outside the workspace: no attribute, configuration, hook or nested
# repository of the workspace has a say, and no child process is started on its behalf. Each process here costs the stage 2 to 4 ms.
set -eu
export LC_ALL=C GIT_CONFIG_NOSYSTEM=1 GIT_CONFIG_GLOBAL=/dev/null GIT_ATTR_NOSYSTEM=1 GIT_DIR=/tmp/git GIT_INDEX_FILE=/tmp/index
start=$1 from=$2 most_bytes=$3 most_files=$4 tree_files=$5 tree_bytes=$6 format=$7 under=$8
shift 8
git init -q --bare --template= --object-format="$format" /tmp/git
mkdir /tmp/git/info
printf '/objects/start\n/objects/from\n' >/tmp/git/objects/info/alternates
printf '* !diff !merge -text !eol -ident -filter -working-tree-encoding\n' >/tmp/git/info/attributes
printf '[core]\n\tprotectHFS = true\n\tprotectNTFS = true\n\tfileMode = true\n\tsymlinks = true\n' >>/tmp/git/config

git read-tree "$start"
cd /workspace
export GIT_WORK_TREE=/workspace
# Which tracked files may have changed is read off the overlay's upper, where whatever was written must lie, and off what is missing.
# Never from times or sizes: those are the agent's to set. (git lists in the order of bytes.)
git ls-files -z >/tmp/tracked
(cd /upper && find . -mindepth 1 ! -type c -printf '%P\0') | sort -z >/tmp/written
comm -z -12 /tmp/tracked /tmp/written >/tmp/candidates
git ls-files -d -z >>/tmp/candidates
# Before anything is read: a file may be as long as its name says and take no room (a sparse one).
bounded() {
  xargs -0 -r stat -c %s -- <"$1" 2>/dev/null | awk '{ s += $1 } END { exit s > 268435456 ? 26 : 0 }' || exit $?
}
bounded /tmp/candidates
git update-index -z --remove --stdin </tmp/candidates 2>/tmp/said || { cat /tmp/said >&2; exit 21; }
# git reads these itself: one that is no plain file (a pipe would hold it for ever), or is huge, is refused before.
odd=$(find /upper -name .gitignore \( -type p -o -type s -o -type l -o -size +256k \) -print -quit)
[ -z "$odd" ] || { printf '%s\n' "${odd#/upper/}" >&2; exit 25; }
for made in "$@"; do
  set -- "$@" "--exclude=$made"
  shift
done
git ls-files -o -z --exclude-per-directory=.gitignore "$@" >/tmp/new
if [ -s /tmp/new ]; then
  bounded /tmp/new
  tr '\000' '\n' </tmp/new |
    awk -v most="$most_files" '/\/$/ { print; nested = 1 } END { exit NR > most ? 22 : nested ? 23 : 0 }' >&2 || exit $?
  git update-index -z --add --replace --stdin </tmp/new 2>/tmp/said || { cat /tmp/said >&2; exit 21; }
  if [ -s /tmp/said ]; then cat /tmp/said >&2; exit 24; fi
fi
unset GIT_WORK_TREE
cd /tmp
tree=$(git write-tree)
printf '%s\n' "$tree" >tree

# What was made is looked at next, by a reviewer and by tests: unpacked here, beside the rest, it needs no container of its own. Where that
# fails it is left to them, who say why.
unpacking=
if [ "$tree" != "$from" ]; then
  if [ -n "$under" ]; then
    (
      unpack_over /tmp/git "$tree" "$tree_files" "$tree_bytes" '' "$under"
      : >/out/made
    ) >/dev/null 2>&1 &
  else
    unpack_tree /tmp/git "$tree" "$tree_files" "$tree_bytes" "$format" '' >/dev/null 2>&1 &
  fi
  unpacking=$!
fi

git diff-tree -r -z --raw --no-abbrev --no-renames "$from" "$tree" >raw
git diff-tree -r -z --numstat --no-renames --no-ext-diff --no-textconv "$from" "$tree" >numstat
git diff-tree -r -p --binary --full-index --no-renames --no-color --no-ext-diff --no-textconv "$from" "$tree" |
  head -c "$((most_bytes + 1))" >patch
git patch-id --verbatim <patch >id
: >links
if grep -aq ' 120000 ' raw; then
  tr '\000' '\n' <raw | awk '/^:[0-7]+ 120000 /{ print $4 }' | git cat-file --batch >links
fi
wc -c tree raw numstat id links patch
cat tree raw numstat id links patch
[ -z "$unpacking" ] || wait "$unpacking" || rm -rf /out/tree
