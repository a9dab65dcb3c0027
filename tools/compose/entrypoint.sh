#!/bin/sh
# Runs one of the factory's programs. Secrets are files (Compose mounts them at /run/secrets), and the programs read their environment:
# NAME_FILE=/run/secrets/x becomes NAME, where the file is not empty.
set -eu
for name in \
  DATABASE_URL QUEUE_URL MIGRATE_URL MILLWRIGHT_BOOTSTRAP_URL MILLWRIGHT_REDACTOR_URL MILLWRIGHT_ADMIN_TOKEN_HASH \
  MILLWRIGHT_ORCHESTRATOR_PASSWORD MILLWRIGHT_RUNNER_PASSWORD MILLWRIGHT_REDACTOR_PASSWORD ANTHROPIC_API_KEY
do
  eval "file=\${${name}_FILE:-}"
  if [ -n "$file" ]; then
    value=$(cat "$file")
    [ -z "$value" ] || export "$name=$value"
    unset "${name}_FILE"
  fi
done
exec node --max-old-space-size=512 "$@"
