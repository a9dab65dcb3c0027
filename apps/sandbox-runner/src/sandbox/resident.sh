# The tool process: PID 1 of a sandbox, fed line by line by the runner (see resident.ts for the protocol and its invariants).
# Only builtins are used here, so a call costs one fork and one exec. dash, bash and busybox sh agree on all of it.
trap T=1 USR1
# r NONCE SHELL COMMAND [STDIN]
r() {
  # A signal that came too late for the call before runs its trap here, so that it cannot end this one.
  :
  :
  T=
  # Reaps what the call before left behind: zombies count against the process limit.
  jobs >/dev/null
  printf '%s+' "$1" >&2
  if [ $# -gt 3 ]; then
    printf '%s' "$4" | "$2" -c "$3" >&2 &
  else
    "$2" -c "$3" </dev/null >&2 &
  fi
  p=$!
  # What the shell says of a job that was killed is not the command's output.
  wait "$p" 2>/dev/null
  c=$?
  printf '%s-' "$1" >&2
  # Every other process of the container, whatever session or group it made for itself. No redirection here: a command may have taken
  # PID 1's descriptors away (prlimit), and a redirection that fails skips what it belongs to. What it says comes after the end mark.
  kill -9 -1
  [ -z "$T" ] || wait "$p"
  printf '%s %s\n' "$1" "$c"
}
