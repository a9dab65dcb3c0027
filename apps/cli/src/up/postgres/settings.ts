/**
 * The server's settings, written at each start. Durable first: a trail is worth nothing if a power cut forgets what was promised. Then small: everything
 * besides is sized for one factory on one machine (measured idle with these: see bench/README.md).
 */
export const settings = (
  port: number,
  /** Where the Unix socket is; null: there is none. Whoever may open it is asked for a password as over TCP. */
  socketFolder: string | null,
): string => `# Written by millwright up at each start; changes here are lost.
listen_addresses = '127.0.0.1'
port = ${port}
unix_socket_directories = '${socketFolder ?? ''}'
unix_socket_permissions = 0700
password_encryption = 'scram-sha-256'

fsync = on
synchronous_commit = on
full_page_writes = on
wal_sync_method = fdatasync

max_connections = 60
shared_buffers = 16MB
wal_buffers = 1MB
work_mem = 4MB
maintenance_work_mem = 32MB
min_wal_size = 32MB
max_wal_size = 256MB
max_worker_processes = 2
max_parallel_workers = 0
max_parallel_workers_per_gather = 0
max_logical_replication_workers = 0
max_wal_senders = 0
wal_level = minimal
autovacuum_worker_slots = 1
autovacuum_max_workers = 1
io_method = sync
jit = off

# What a role makes it may use: the migrator makes the application's roles and is no superuser.
createrole_self_grant = 'set, inherit'

timezone = 'UTC'
log_timezone = 'UTC'
log_min_messages = warning
log_checkpoints = off
log_line_prefix = '%m '
`;
