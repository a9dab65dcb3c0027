import type { ReleaseId } from '@millwright/domain';
import { parseServerName } from './config.ts';
import { Histogram } from './histogram.ts';
import { follow } from './socket.ts';

// HAProxy's request log, for quantiles: its statistics hold averages only. It is kept in a ring inside HAProxy (262,144 bytes, about 7,000
// requests) and followed over the admin socket (`show events`, management guide §9.3). Not syslog to a port of ours: that address would
// be in HAProxy's configuration, and change with every start of the factory. A reader that is too slow loses lines, never memory.

const MAX_LINE = 400;

export type Answered = { readonly release: ReleaseId; readonly status: number; readonly ms: number };

/**
 * One line of the log, in `LOG_FORMAT`. `ms` is %Tr, from the connection to the server until its whole response head: what the release took, not what a
 * slow client took to read it; the whole time %Ta where HAProxy does not know. Null for anything that no server answered.
 */
export function parseLine(line: string): Answered | null {
  const [, server = '', status, response, active] =
    /^(?:<\d+>)?(\S+) (\d{3}) (-?\d+) \+?(-?\d+) \S+\s*$/.exec(line) ?? [];
  const named = parseServerName(server);
  const ms = Number(response) >= 0 ? Number(response) : Number(active);
  if (named === null || !(ms >= 0)) return null;
  return { release: named.release, status: Number(status), ms };
}

/** What was logged since the last `take`, by release. Answers of 5xx are left out: a fast error is no speed. */
export interface RequestFeed {
  /** Null: HAProxy cannot be followed now. */
  take(): ReadonlyMap<ReleaseId, Histogram> | null;
  close(): void;
}

/** Follows the log from now on; connects again by itself when HAProxy was restarted. */
export function followRequests(socket: string): RequestFeed {
  let fresh = new Map<ReleaseId, Histogram>();
  let rest = '';
  let closed = false;
  let connected = false;
  let again: ReturnType<typeof setTimeout> | undefined;
  let hangUp = () => {};
  const read = (text: string) => {
    const lines = (rest + text).split('\n');
    rest = (lines.pop() ?? '').slice(-MAX_LINE);
    for (const line of lines) {
      const answered = parseLine(line);
      if (answered === null || answered.status >= 500) continue;
      const known = fresh.get(answered.release) ?? new Histogram();
      known.add(answered.ms);
      fresh.set(answered.release, known);
    }
  };
  const open = () => {
    hangUp = follow(socket, 'show events requests -w -n', {
      open: () => {
        connected = true;
      },
      data: read,
      end: () => {
        connected = false;
        rest = '';
        if (!closed) again = setTimeout(open, 100);
      },
    });
  };
  open();
  return {
    take() {
      const taken = fresh;
      fresh = new Map();
      return connected ? taken : null;
    },
    close() {
      closed = true;
      clearTimeout(again);
      hangUp();
    },
  };
}
