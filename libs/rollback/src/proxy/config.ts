import { ReleaseId } from '@millwright/domain';

// HAProxy's configuration of one target, as text. The first line is the durable record (fence, servers, weights) as JSON in a
// comment: one atomic rename changes configuration and record together, and a restart of HAProxy comes back with the same weights.

export type Server = {
  readonly release: ReleaseId;
  readonly replica: number;
  readonly address: string;
  readonly port: number;
  /** HAProxy's own, 0–256. 0 gets no new request. */
  readonly weight: number;
};
export type ProxyRecord = {
  readonly fence: number;
  /** A release that the deploy of this fence gave up. */
  readonly condemned: ReleaseId | null;
  readonly bind: string;
  readonly expose: number;
  readonly servers: readonly Server[];
};

export const BACKEND = 'app';
const FRONTEND = 'users';
/** Reached by the factory alone, through a socket in its own folder: a request names its server, whatever that one's weight. */
const REHEARSAL = 'rehearsal';
export const SERVER_HEADER = 'x-millwright-server';
export const NO_RECORD: ProxyRecord = {
  fence: 0,
  condemned: null,
  bind: '127.0.0.1',
  expose: 0,
  servers: [],
};
const HEADER = '# millwright ';
/** server, status, ms until the whole response head, ms in all, how it ended. */
const LOG_FORMAT = '%s %ST %Tr %Ta %ts';

export const serverName = (release: string, replica: number) => `${release}.${replica}`;

/** The release and replica that a server's name says, or null for a name that is not ours. */
export function parseServerName(name: string): { release: ReleaseId; replica: number } | null {
  const [, id, replica] = /^(.+)\.(\d{1,4})$/.exec(name) ?? [];
  const release = ReleaseId.safeParse(id);
  return release.success ? { release: release.data, replica: Number(replica) } : null;
}

/**
 * Why these settings: `noreuseport`, since else a second HAProxy on the same port shares its traffic instead of failing;
 * `roundrobin` honours weights set at runtime and is exact at low traffic; retries after a broken reused connection only for
 * methods that may be repeated (RFC 9110 §9.2.2); no health check of its own: a slow health answer of the only serving
 * release would turn every request into a 503, so that the factory probes and decides.
 */
export function renderConfig(record: ProxyRecord): string {
  const servers = record.servers.map(
    (server) =>
      `  server ${serverName(server.release, server.replica)} ${server.address}:${server.port} weight ${server.weight} pool-purge-delay 1s`,
  );
  return `${HEADER}${JSON.stringify(record)}
global
  stats socket /run/millwright/admin.sock mode 600 level admin
  maxconn 4096
  nbthread 1
  noreuseport
ring requests
  format raw
  maxlen 256
  size 262144
defaults
  mode http
  timeout connect 2s
  timeout client 60s
  timeout server 60s
  timeout http-request 15s
  timeout http-keep-alive 30s
  timeout queue 5s
  timeout tunnel 1h
  retries 3
  option redispatch 1
  option contstats
  http-reuse safe
  retry-on conn-failure empty-response
frontend ${FRONTEND}
  bind ${record.bind}:${record.expose}
  log ring@requests format raw local0
  log-format "${LOG_FORMAT}"
  default_backend ${BACKEND}
frontend ${REHEARSAL}
  bind unix@/run/millwright/rehearsal.sock mode 600
  default_backend ${BACKEND}
backend ${BACKEND}
  balance roundrobin
  use-server %[req.hdr(${SERVER_HEADER})] if { fe_name ${REHEARSAL} } { req.hdr(${SERVER_HEADER}) -m found }
  http-request disable-l7-retry unless METH_GET or { method HEAD OPTIONS }
  option forwardfor
${servers.join('\n')}
`;
}

/** The record in a configuration that `renderConfig` wrote; null when the text is not one. */
export function parseConfig(text: string): ProxyRecord | null {
  const line = text.slice(0, text.indexOf('\n'));
  if (!line.startsWith(HEADER)) return null;
  try {
    return JSON.parse(line.slice(HEADER.length)) as ProxyRecord;
  } catch {
    return null;
  }
}

/** Percent of traffic per release as a weight of each of its replicas: releases with unlike replica counts still share as asked. */
export function weightOf(percent: number, replicas: number): number {
  if (percent <= 0) return 0;
  return Math.max(1, Math.min(256, Math.round((percent * 2.56) / Math.max(1, replicas))));
}
