import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import type Docker from 'dockerode';

/** When containers of a label ended and were removed, by the engine's own word and clock (this machine's). */
export type Deaths = {
  /** Times in milliseconds of all that were there when `from` was, in order. */
  since(event: 'die' | 'destroy', from: number): number[];
  close(): void;
};

export async function watchDeaths(engine: Docker, label: string): Promise<Deaths> {
  const filters = JSON.stringify({ type: ['container'], event: ['die', 'destroy'], label: [label] });
  const stream = await engine.getEvents({ filters });
  if (!(stream instanceof Readable)) throw new TypeError('the engine sends no stream');
  const seen: { event: string; at: number }[] = [];
  createInterface({ input: stream }).on('line', (line) => {
    const { Action, timeNano } = JSON.parse(line) as { Action: string; timeNano: number };
    seen.push({ event: Action, at: timeNano / 1e6 });
  });
  return {
    since: (event, from) => seen.filter((one) => one.event === event && one.at >= from).map(({ at }) => at),
    close: () => {
      stream.once('error', () => undefined); // Cut short by us.
      stream.destroy();
    },
  };
}
