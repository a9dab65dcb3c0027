# Reads a dead sandbox's workspace (/workspace, read-only, dependencies not among it; /upper, its overlay's upper) and says what changed, in a clean container.
# $1 the tree that the workspace started from, $2 the tree to measure against, $3 most bytes of patch, $4 most new files, $5 and $6 most
# files and bytes of the tree that it comes to, which is left unpacked in /out/tree, $7 object format; the rest: folders that the dependencies' installation made. Plumbing only, on a git directory outside the workspace: no attribute, configuration, hook or nested
# repository of the workspace has a say, and no child process is started on its behalf.
set -eu
export GIT_CONFIG_NOSYSTEM=1 GIT_CONFIG_GLOBAL=/dev/null GIT_ATTR_NOSYSTEM=1 GIT_DIR=/tmp/git GIT_INDEX_FILE=/tmp/index
start=$1 from=$2 most_bytes=$3 most_files=$4 tree_files=$5 tree_bytes=$6 format=$7
shift 7
git init -q --bare --template= --object-format="$format" /tmp/git
mkdir -p /tmp/git/info
printf '/objects/start\n/objects/from\n' >/tmp/git/objects/info/alternates
printf '* !diff !merge -text !eol -ident -filter -working-tree-encoding\n' >/tmp/git/info/attributes
git config core.protectHFS true
git config core.protectNTFS true
git config core.fileMode true
git config core.symlinks true

git read-tree "$start"
cd /workspace
export GIT_WORK_TREE=/workspace
# Which tracked files may have changed is read off the overlay's upper, where whatever was written must lie, and off what is missing.
# Never from times or sizes: those are the agent's to set.
git ls-files -z | LC_ALL=C sort -z >/tmp/tracked
(cd /upper && find . -mindepth 1 ! -type c -printf '%P\0') | LC_ALL=C sort -z >/tmp/written
LC_ALL=C comm -z -12 /tmp/tracked /tmp/written >/tmp/candidates
git ls-files -d -z >>/tmp/candidates
git update-index -z --remove --stdin </tmp/candidates 2>/tmp/said || { cat /tmp/said >&2; exit 21; }
for made in "$@"; do
  set -- "$@" "--exclude=$made"
  shift
done
git ls-files -o -z --exclude-per-directory=.gitignore "$@" >/tmp/new
[ "$(tr -cd '\000' </tmp/new | wc -c)" -le "$most_files" ] || exit 22
if tr '\000' '\n' </tmp/new | grep '/$' >/tmp/nested; then cat /tmp/nested >&2; exit 23; fi
git update-index -z --add --replace --stdin </tmp/new 2>/tmp/said || { cat /tmp/said >&2; exit 21; }
if [ -s /tmp/said ]; then cat /tmp/said >&2; exit 24; fi
unset GIT_WORK_TREE
cd /tmp
git write-tree >tree

git diff-tree -r -z --raw --no-abbrev --no-renames "$from" "$(cat tree)" >raw
git diff-tree -r -z --numstat --no-renames --no-ext-diff --no-textconv "$from" "$(cat tree)" >numstat
git diff-tree -r -p --binary --full-index --no-renames --no-color --no-ext-diff --no-textconv "$from" "$(cat tree)" |
  head -c "$((most_bytes + 1))" >patch
git patch-id --verbatim <patch >id
tr '\000' '\n' <raw | awk '/^:[0-7]+ 120000 /{ print $4 }' | git cat-file --batch >links
for part in tree raw numstat id links patch; do
  printf '%s %s\n' "$part" "$(wc -c <"$part")"
  cat "$part"
done

# What was made is looked at next, by a reviewer and by tests: unpacked here, it needs no container of its own. Where that fails it is
# left to them, who say why.
if [ "$(cat tree)" != "$from" ]; then
  set +e
  (
    set -e
    unpack_tree /tmp/git "$(cat tree)" "$tree_files" "$tree_bytes" "$format"
  ) >/dev/null 2>&1
  [ "$?" = 0 ] || rm -rf /out/tree
fi
