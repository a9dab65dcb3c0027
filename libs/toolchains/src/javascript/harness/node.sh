#!/bin/bash
# Stands before node on PATH where the base's command asks for `node --test`, and adds our reporter to that alone. Any other node program
# is started as it would have been; what a test starts is left alone too.
here=@FOLDER@
real=@NODE@
mine=0
[ -z "$NODE_TEST_CONTEXT" ] && for arg in "$@"; do [ "$arg" = --test ] && mine=1; done
pid=$PPID
while [ "$mine" = 1 ] && [ "${pid:-0}" -gt 1 ] && read -r stat <"/proc/$pid/stat"; do
  [ -e "$here/pid-$pid" ] && mine=0
  stat=${stat##*) }
  set_state=${stat#* }
  pid=${set_state%% *}
done 2>/dev/null
if [ "$mine" = 0 ]; then exec -a node "$real" "$@"; fi
# Reporters and destinations must be as many of one as of the other once there are two.
reporters=0 destinations=0
for arg in "$@"; do
  case $arg in
    --test-reporter | --test-reporter=*) reporters=$((reporters + 1)) ;;
    --test-reporter-destination | --test-reporter-destination=*) destinations=$((destinations + 1)) ;;
  esac
done
[ "$reporters" = 0 ] && set -- --test-reporter=spec "$@" && reporters=1
while [ "$destinations" -lt "$reporters" ]; do
  set -- --test-reporter-destination=stdout "$@"
  destinations=$((destinations + 1))
done
exec -a node "$real" "--test-reporter=$here/node-reporter.mjs" "--test-reporter-destination=$here/said" "$@"
