# Read before checkout.sh and extract.sh, in whose clean containers it runs.
# unpack_tree GITDIR TREE FILES BYTES FORMAT HEAD: the tree as the folder /out/tree, with a `.git` whose HEAD is that commit of GITDIR, which has
# that tree; where none is named, one commit alone. The commit is the same wherever it is made, so that what an agent committed on top of it means the same on every runner. No configuration but what
# is set here, no template, hook, filter or submodule. Exit codes are checkout.ts's.
head_of() {
  [ -z "$3" ] || { printf '%s\n' "$3"; return; }
  GIT_AUTHOR_NAME=Millwright GIT_AUTHOR_EMAIL=millwright@localhost GIT_AUTHOR_DATE='@0 +0000' \
    GIT_COMMITTER_NAME=Millwright GIT_COMMITTER_EMAIL=millwright@localhost GIT_COMMITTER_DATE='@0 +0000' \
    git --git-dir="$1" commit-tree "$2" -m "snapshot $2"
}
unpack_tree() {
  umask 022
  unset GIT_DIR GIT_INDEX_FILE GIT_WORK_TREE
  git --git-dir="$1" ls-tree -r -l "$2" |
    awk -v f="$3" -v b="$4" '{ n++; if ($4 != "-") s += $4 } n > f || s > b { exit 1 }' || exit 13
  only=$(head_of "$1" "$2" "$6")

  # A repository of its own: it holds what is reachable from that commit, and nothing else of where it comes from.
  git init -q --template= --initial-branch=main --object-format="$5" /out/tree
  cd /out/tree
  mkdir .git/info
  # Files are the blobs' bytes, whatever the tree's attributes say; change detection survives being seen through an overlay.
  printf '* -text !eol -ident -filter -working-tree-encoding\n' >.git/info/attributes
  cat >>.git/config <<'END'
[core]
	checkStat = minimal
	trustctime = false
	protectHFS = true
	protectNTFS = true
[gc]
	auto = 0
[user]
	name = agent
	email = agent@sandbox.invalid
END
  # As a fetch would, in one process for seven. No search for deltas: what is packed already is copied as it is.
  printf '%s\n' "$only" |
    GIT_ALTERNATE_OBJECT_DIRECTORIES="$1/objects" git pack-objects -q --revs --window=0 .git/objects/pack/pack >/dev/null
  printf '%s\n' "$only" >.git/refs/heads/main
  git read-tree -m -u --no-recurse-submodules HEAD || exit 14
  # Times well before the index's own: else git must read every file again at each `git status` (its "racy git" rule). The same for
  # every unpacking of a tree, so that tools which compare times behave alike.
  find . -path ./.git -prune -o -exec touch -h -d @1000000000 {} +
  git update-index --ignore-submodules --refresh >/dev/null || exit 15
  [ "$(git write-tree)" = "$2" ] || exit 15
}
# unpack_over GITDIR TREE FILES BYTES HEAD UNDER: the same as what is written to the overlay /made, whose lower folder is the tree UNDER as it was unpacked
# before: only what differs is. Its times are set as above; folders' are left to whoever takes the upper folder away.
unpack_over() {
  umask 022
  unset GIT_DIR GIT_INDEX_FILE GIT_WORK_TREE
  only=$(head_of "$1" "$2" "$5")
  cd /made
  export GIT_ALTERNATE_OBJECT_DIRECTORIES="$1/objects"
  git diff-tree -r --no-renames --no-abbrev "$6" "$2" >/tmp/differs
  ! grep -q '^:[0-9]* 160000 ' /tmp/differs || exit 16
  awk '$2 ~ /^1/ { print $4 }' /tmp/differs | git cat-file --batch-check='%(objectsize)' |
    awk -v f="$3" -v b="$4" '{ n++; s += $1 } n > f || s > b { exit 1 }' || exit 13
  printf '%s\n^%s\n^%s\n' "$only" "$(cat .git/refs/heads/main)" "$6" |
    git pack-objects -q --revs --window=0 .git/objects/pack/pack >/dev/null
  printf '%s\n' "$only" >.git/refs/heads/main
  git read-tree -m -u --no-recurse-submodules "$6" "$2" || exit 14
  git diff-tree -r -z --name-only --no-renames --diff-filter=d "$6" "$2" >/tmp/changed
  xargs -0 -r touch -h -d @1000000000 -- </tmp/changed
  # With another time each is read again: what was written is what the tree says.
  git update-index -z --stdin </tmp/changed || exit 15
  [ "$(git write-tree)" = "$2" ] || exit 15
}
