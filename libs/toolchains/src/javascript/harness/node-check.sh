#!/bin/bash
# Stands before node on PATH while acceptance checks run: code that a check gives on its command line or on standard input says its word as
# files of checks do (check.cjs). Every other node program is started as it would have been; what one of them starts is left alone too.
here=@FOLDER@
real=@NODE@
pid=$PPID
while [ "${pid:-0}" -gt 1 ] && read -r stat <"/proc/$pid/stat"; do
  if [ -e "$here/pid-$pid" ]; then exec -a node "$real" "$@"; fi
  stat=${stat##*) }
  after_state=${stat#* }
  pid=${after_state%% *}
done 2>/dev/null
test=0 module=0 code= evaluated=0 program=0 skip=0
for arg in "$@"; do
  case $arg in
    --test) test=1 ;;
    --input-type=module | --experimental-default-type=module) module=1 ;;
  esac
done
if [ "$test" = 1 ]; then exec "$here/bin/node-test" "$@"; fi
word=said_$RANDOM$RANDOM
if [ "$module" = 1 ]; then
  first="import check_$word from '$here/check.cjs'; const $word = check_$word('-');"
else
  first="const $word = require('$here/check.cjs')('-');"
fi
speaking() { printf '%s %s\n;%s();' "$first" "${1//process.exit(/$word.exit(}" "$word"; }
# What is printed is the value of the code: it is kept while the word is said.
printing() {
  text=${1//process.exit(/globalThis.$word.exit(}
  text=${text//\\/\\\\}
  text=${text//\'/\\\'}
  text=${text//$'\n'/\\n}
  printf "%s globalThis.%s = %s; globalThis.said = (0, eval)('%s'); %s(); globalThis.said" "$first" "$word" "$word" "$text" "$word"
}
given=()
for arg in "$@"; do
  case $skip/$arg in
    code/* | 0/--eval=*)
      if [ "$skip" = 0 ]; then given+=(--eval); fi
      given+=("$(speaking "${arg#--eval=}")")
      skip=0
      evaluated=1
      continue
      ;;
    print/-*) skip=0 ;;
    print/* | 0/--print=*)
      if [ "$skip" = 0 ]; then given+=(--print); fi
      given+=("$(printing "${arg#--print=}")")
      skip=0
      evaluated=1
      continue
      ;;
  esac
  given+=("$arg")
  if [ "$skip" = 1 ]; then skip=0; continue; fi
  if [ "$evaluated" = 1 ] || [ "$program" = 1 ]; then continue; fi
  case $arg in
    -e | --eval) skip=code ;;
    -p | --print | -pe) skip=print ;;
    -r | --require | --import | --loader | --experimental-loader | -C | --conditions) skip=1 ;;
    -) ;;
    -*) ;;
    *) program=1 ;;
  esac
done
case " $* " in *' --version '* | *' -v '* | *' --help '*) exec -a node "$real" "$@" ;; esac
if [ "$evaluated" = 1 ] || [ "$program" = 1 ]; then exec -a node "$real" "${given[@]}"; fi
code=$(cat)
exec -a node "$real" "$@" < <(speaking "$code")
