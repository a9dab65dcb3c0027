# Unpacks one tree into /out/tree, in a clean container. $1 tree, $2 most files, $3 most bytes, $4 object format, $5 the commit that leads to it, or
# nothing; $6 a tree that is unpacked below /made, or nothing: then only what differs from it is written there. /cache has objects, where there is any; what is not in it yet are packs /in/*.pack, in their order, which are indexed into /out/all.
set -eu
export LC_ALL=C GIT_CONFIG_NOSYSTEM=1 GIT_CONFIG_GLOBAL=/dev/null GIT_ATTR_NOSYSTEM=1
tree=$1
git init -q --bare --template= --object-format="$4" /out/all
[ ! -d /cache ] || printf '/cache\n' >/out/all/objects/info/alternates
for pack in /in/*.pack; do
  [ ! -e "$pack" ] || git --git-dir=/out/all index-pack --stdin --fix-thin <"$pack" >/dev/null || exit 10
done
[ "$(git --git-dir=/out/all cat-file -t "$tree" 2>/dev/null)" = tree ] || exit 10
if [ -n "$5" ]; then
  [ "$(git --git-dir=/out/all rev-parse -q --verify "$5^{tree}")" = "$tree" ] || exit 11
fi
if [ -n "$6" ]; then
  unpack_over /out/all "$tree" "$2" "$3" "$5" "$6"
else
  unpack_tree /out/all "$tree" "$2" "$3" "$4" "$5"
fi
