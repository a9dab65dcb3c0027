#!/bin/sh
# Turns a Debian root into the sandbox image's root: the project's Node and npm, the user `agent`, no setuid file.
# Usage: finish.sh ROOT [NODE NPM]   (ROOT is / inside a `docker build`; NODE a binary, NPM the folder of its package)
# Its text is part of the image's content key, so an edit here builds a new image.
set -eu
root=${1%/}

if [ $# -eq 3 ]; then
  install -D -m 0755 "$2" "$root/usr/local/bin/node"
  mkdir -p "$root/usr/local/lib/node_modules"
  rm -rf "$root/usr/local/lib/node_modules/npm"
  cp -RL "$3" "$root/usr/local/lib/node_modules/npm"
  chown -R 0:0 "$root/usr/local/lib/node_modules/npm"
  chmod -R u=rwX,go=rX "$root/usr/local/lib/node_modules/npm"
  ln -sf ../lib/node_modules/npm/bin/npm-cli.js "$root/usr/local/bin/npm"
  ln -sf ../lib/node_modules/npm/bin/npx-cli.js "$root/usr/local/bin/npx"
fi

# 10001 is the uid that every sandbox, prepare and release container runs as. The tools `useradd` and `chroot` are
# not used: writing the three files works on any root and needs no code of that root to run.
echo 'agent:x:10001:10001::/home/agent:/bin/sh' >>"$root/etc/passwd"
echo 'agent:x:10001:' >>"$root/etc/group"
echo 'agent:!:19000:0:99999:7:::' >>"$root/etc/shadow"
mkdir -p "$root/home/agent"
chown 10001:10001 "$root/home/agent"
chmod 0755 "$root/home/agent"

# no-new-privileges already voids these; without them a sandbox started by hand is no worse.
find "$root/" -xdev -type f -perm /6000 -exec chmod ug-s {} +

rm -rf "$root/var/cache/apt" "$root/var/lib/apt/lists" "$root/var/log/apt" "$root/var/cache/debconf"
mkdir -p "$root/var/cache/apt/archives/partial" "$root/var/lib/apt/lists/partial"
for folder in doc info locale man; do
  rm -rf "$root/usr/share/$folder"
  mkdir -p "$root/usr/share/$folder"
done
