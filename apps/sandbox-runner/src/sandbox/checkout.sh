# Unpacks one tree of a bundle into /out/tree, in a clean container. $1 tree, $2 most files, $3 most bytes, $4 object format.
# No configuration but what is set here, no template, hook, filter or submodule. Exit codes are checkout.ts's.
set -eu
umask 022
export GIT_CONFIG_NOSYSTEM=1 GIT_CONFIG_GLOBAL=/dev/null GIT_ATTR_NOSYSTEM=1
tree=$1
git init -q --bare --template= --object-format="$4" /out/all
git --git-dir=/out/all fetch -q --no-tags /in/bundle "refs/snapshots/$tree:refs/heads/snapshot" || exit 10
[ "$(git --git-dir=/out/all rev-parse 'refs/heads/snapshot^{tree}')" = "$tree" ] || exit 11
[ "$(git --git-dir=/out/all rev-list --count refs/heads/snapshot)" = 1 ] || exit 12
git --git-dir=/out/all ls-tree -r -l "$tree" |
  awk -v f="$2" -v b="$3" '{ n++; if ($4 != "-") s += $4 } n > f || s > b { exit 1 }' || exit 13

# A repository of its own: it holds what is reachable from this one commit, and nothing else of the bundle.
git init -q --template= --initial-branch=main --object-format="$4" /out/tree
cd /out/tree
mkdir -p .git/info
# Files are the blobs' bytes, whatever the tree's attributes say; change detection survives being seen through an overlay.
printf '* -text !eol -ident -filter -working-tree-encoding\n' >.git/info/attributes
git config core.checkStat minimal
git config core.trustctime false
git config core.protectHFS true
git config core.protectNTFS true
git config gc.auto 0
git config user.name agent
git config user.email agent@sandbox.invalid
git fetch -q --no-tags /out/all refs/heads/snapshot
git update-ref refs/heads/main FETCH_HEAD
rm -f .git/FETCH_HEAD
git read-tree -m -u --no-recurse-submodules HEAD || exit 14
# Times well before the index's own: else git must read every file again at each `git status` (its "racy git" rule). The same for
# every unpacking of a tree, so that tools which compare times behave alike.
find . -path ./.git -prune -o -exec touch -h -d @1000000000 {} +
git update-index -q --refresh
git diff-files --quiet --ignore-submodules=all || exit 15
[ "$(git write-tree)" = "$tree" ] || exit 15
rm -rf /out/all
