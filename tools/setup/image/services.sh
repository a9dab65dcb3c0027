#!/bin/sh
# Makes of a Debian root what docker-compose.yml's images are where none can be pulled: Postgres's and Redis's names where the official images
# have them, an entry point that makes a database, and this machine's certificate authorities.
# Usage: services.sh ROOT   Its text is part of the image's content key.
set -eu
root=${1%/}

rm -rf "$root"/var/lib/postgresql/* "$root"/etc/postgresql/*
for program in "$root"/usr/lib/postgresql/*/bin/initdb "$root"/usr/lib/postgresql/*/bin/postgres "$root"/usr/lib/postgresql/*/bin/pg_isready; do
  ln -sf "${program#"$root"}" "$root/usr/local/bin/${program##*/}"
done
mkdir -p "$root/data"
chroot "$root" chown redis:redis /data
chroot "$root" chown postgres:postgres /var/lib/postgresql
[ ! -f /etc/ssl/certs/ca-certificates.crt ] || cp /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/ca-certificates.crt"

cat >"$root/usr/local/bin/docker-entrypoint.sh" <<'END'
#!/bin/sh
# The part of the official image's that docker-compose.yml uses.
set -eu
if [ "$1" = postgres ]; then
  if [ ! -s "$PGDATA/PG_VERSION" ]; then
    rm -rf "$PGDATA.new"
    initdb --pgdata="$PGDATA.new" --username=postgres --pwfile="$POSTGRES_PASSWORD_FILE" ${POSTGRES_INITDB_ARGS:-}
    echo 'host all all all scram-sha-256' >>"$PGDATA.new/pg_hba.conf"
    mv "$PGDATA.new" "$PGDATA"
  fi
  set -- "$@" -c 'listen_addresses=*' -c unix_socket_directories=/tmp
fi
exec "$@"
END
chmod 0755 "$root/usr/local/bin/docker-entrypoint.sh"
