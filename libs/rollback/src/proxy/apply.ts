import type { Clock } from '@millwright/domain';
import { elapsed } from '../elapsed.ts';
import { messageOf } from '../message-of.ts';
import { type Done, done, type Failure, failure } from '../outcome.ts';
import { BACKEND, type Server, serverName } from './config.ts';
import { ask } from './socket.ts';
import { parseStats, type ServerStat } from './stats.ts';

// Makes a running HAProxy be what its record says, through the admin socket (management guide §9.3). Whether it worked is read
// back from its statistics, never from the answers to the commands.

/** HAProxy may be restarting: asked again for this long. */
const PATIENCE_MS = 5_000;
/** Commands in a line: far below HAProxy's buffer of 16 KiB. */
const LINE = 32;

const keyOf = (server: { release: string; replica: number }) => serverName(server.release, server.replica);
const addressOf = (server: Server) => `${server.address}:${server.port}`;

export async function readStats(socket: string): Promise<ServerStat[]> {
  return parseStats(await ask(socket, ['show stat']));
}

/** Commands that lead from `now` to `wanted`: first what gains traffic, then what loses it, so that somebody always serves (T3). */
export function commandsFor(now: readonly ServerStat[], wanted: readonly Server[]): string[] {
  const known = new Map(now.map((stat) => [keyOf(stat), stat]));
  const gain: string[] = [];
  const lose: string[] = [];
  for (const server of wanted) {
    const path = `${BACKEND}/${keyOf(server)}`;
    const stat = known.get(keyOf(server));
    known.delete(keyOf(server));
    if (stat === undefined) {
      gain.push(`add server ${path} ${addressOf(server)} weight ${server.weight} pool-purge-delay 1s`);
      gain.push(`set server ${path} state ready`);
      continue;
    }
    const to = server.weight >= stat.weight ? gain : lose;
    if (stat.address !== addressOf(server))
      to.push(`set server ${path} addr ${server.address} port ${server.port}`);
    if (stat.weight !== server.weight) to.push(`set server ${path} weight ${server.weight}`);
    if (stat.status.startsWith('MAINT') || stat.status.startsWith('DRAIN'))
      to.push(`set server ${path} state ready`);
  }
  // Deleting needs a server without connections; one that still has some stays in maintenance, takes nothing, and goes next time.
  for (const path of [...known.keys()].map((name) => `${BACKEND}/${name}`)) {
    lose.push(`set server ${path} state maint`, `shutdown sessions server ${path}`, `del server ${path}`);
  }
  return [...gain, ...lose];
}

/** Why `now` is not `wanted`, or null when it is. */
export function difference(now: readonly ServerStat[], wanted: readonly Server[]): string | null {
  const known = new Map(now.map((stat) => [keyOf(stat), stat]));
  for (const server of wanted) {
    const stat = known.get(keyOf(server));
    known.delete(keyOf(server));
    if (stat === undefined) return `${keyOf(server)} is not known`;
    if (stat.weight !== server.weight)
      return `${keyOf(server)} has weight ${stat.weight}, not ${server.weight}`;
    if (stat.address !== addressOf(server))
      return `${keyOf(server)} is at ${stat.address}, not ${addressOf(server)}`;
    if (stat.status.startsWith('MAINT')) return `${keyOf(server)} is in maintenance`;
  }
  const left = [...known.values()].find((stat) => !stat.status.startsWith('MAINT'));
  return left === undefined ? null : `${keyOf(left)} still takes requests`;
}

/** Idempotent. Tries again while HAProxy restarts, 5 s at most. */
export async function apply(
  socket: string,
  wanted: readonly Server[],
  clock: Clock,
): Promise<Done | Failure> {
  const since = elapsed(clock);
  let why = '';
  do {
    try {
      // One exchange: HAProxy runs a line's commands in order, and each way to its socket costs a turn of a busy machine.
      const commands = commandsFor(await readStats(socket), wanted);
      for (let at = 0; at < commands.length; at += LINE) await ask(socket, commands.slice(at, at + LINE));
      const differs = difference(await readStats(socket), wanted);
      if (differs === null) return done;
      why = differs;
    } catch (error) {
      why = messageOf(error);
    }
    await clock.sleep(20);
  } while (since() < PATIENCE_MS);
  return failure('proxy_down', `HAProxy did not take the new weights: ${why}`);
}
