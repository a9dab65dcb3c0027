#!/bin/sh
# Makes the factory's folders on the engine's machine, and the runners' a shared mount: what a runner mounts there, the engine mounts on.
# Usage: folders.sh FOLDER   In a container that sees the machine's processes. Does nothing where all is so.
set -eu
engine=1 # where it cannot be seen: the machine's first process
for process in /proc/[0-9]*; do
  if [ "$(cat "$process/comm" 2>/dev/null)" = dockerd ]; then engine=${process#/proc/}; fi
done
exec nsenter --target "$engine" --mount -- sh -euc '
  mkdir -p "$1/orchestrator" "$1/runner" && chmod 700 "$1/orchestrator" "$1/runner"
  case $(findmnt --noheadings --output PROPAGATION --target "$1/runner") in
    shared*) ;;
    *) mount --bind "$1/runner" "$1/runner" && mount --make-shared "$1/runner" ;;
  esac' sh "$1"
