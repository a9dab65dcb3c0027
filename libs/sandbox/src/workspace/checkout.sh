# Unpacks one tree of a bundle into /out/tree, in a clean container. $1 tree, $2 most files, $3 most bytes, $4 object format.
set -eu
export LC_ALL=C GIT_CONFIG_NOSYSTEM=1 GIT_CONFIG_GLOBAL=/dev/null GIT_ATTR_NOSYSTEM=1
tree=$1
git init -q --bare --template= --object-format="$4" /out/all
git --git-dir=/out/all fetch -q --no-tags /in/bundle "refs/snapshots/$tree:refs/heads/snapshot" || exit 10
[ "$(git --git-dir=/out/all rev-parse 'refs/heads/snapshot^{tree}')" = "$tree" ] || exit 11
[ "$(git --git-dir=/out/all rev-list --count refs/heads/snapshot)" = 1 ] || exit 12
# What led to it, where the bundle has that, for agents to look at: its tip has the same tree.
if git --git-dir=/out/all fetch -q --no-tags /in/bundle "refs/history/$tree:refs/heads/history" 2>/dev/null; then
  [ "$(git --git-dir=/out/all rev-parse 'refs/heads/history^{tree}')" = "$tree" ] || exit 11
fi
unpack_tree /out/all "$tree" "$2" "$3" "$4"
rm -rf /out/all
