# The tool process: PID 1 of a sandbox, fed line by line by the runner (see resident.ts for the protocol and its invariants).
# Only builtins are used here, so a call costs one fork and one exec. dash, bash and busybox sh agree on all of it.
# What the shell itself says (of a job that was killed, of nobody being there to kill) is not a command's output.
exec 2>/dev/null
trap T=1 USR1
# r NONCE SHELL COMMAND [STDIN]
r() {
  # A signal that came too late for the call before runs its trap here, so that it cannot end this one.
  :
  :
  T=
  # Reaps what the call before left behind: zombies count against the process limit.
  jobs >/dev/null
  if [ $# -gt 3 ]; then
    printf '%s' "$4" | "$2" -c "$3" 2>&1 &
  else
    "$2" -c "$3" </dev/null 2>&1 &
  fi
  p=$!
  wait "$p"
  c=$?
  # Every other process of the container, whatever session or group it made for itself. No redirection here: a command may have taken
  # PID 1's descriptors away (prlimit), and a redirection that fails skips what it belongs to.
  if kill -9 -1; then
    [ -z "$T" ] || wait "$p"
    # What was killed may still write what it had begun to: it is waited for until it is gone, or for some 50 ms.
    n=0
    while [ "$n" -lt 1000 ] && kill -0 -1; do
      jobs >/dev/null
      n=$((n + 1))
    done
  fi
  # Only now, when nobody is left to read it and say it again.
  printf '%s %s\n' "$1" "$c"
}
