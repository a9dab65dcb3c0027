import { createHmac, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';

// What our reporters write inside the container, one `hmac json` a line, read back as data. The key is laid for the session in a file
// that the runner's main process reads and removes before it loads a test; every line is authenticated and numbered, so that code under
// test can destroy a report (then the run is invalid) but neither add to it nor leave anything out.

/** One test as a runner reported it. `title` is the last part of `name`; `file` is relative to the workspace's root. */
export type Outcome = {
  kind: 'test' | 'file';
  name: string;
  title: string;
  file: string;
  state: 'pass' | 'fail' | 'skip' | 'todo';
  message: string;
};

/** A runner's name, as its reporter gives it. `check` is a process of an acceptance check: it reports that it ran to its own end. */
const Reporter = z.string().min(1).max(32);
type Reporter = z.infer<typeof Reporter>;

export type Session =
  | { kind: 'finished'; runner: Reporter; outcomes: Outcome[] }
  /** The process ended before its tests did. What it reported until then is kept for the reason. */
  | { kind: 'unfinished'; runner: Reporter; outcomes: Outcome[] }
  | { kind: 'forged'; why: string };

const Line = z.tuple([
  z.number().int().nonnegative(),
  z.discriminatedUnion('t', [
    z.object({ t: z.literal('start'), runner: Reporter }),
    z.object({
      t: z.enum(['test', 'file']),
      name: z.string().max(1_000),
      file: z.string().max(4_096),
      state: z.enum(['pass', 'fail', 'skip', 'todo']),
      message: z.string().max(1_000),
    }),
    z.object({ t: z.literal('end') }),
  ]),
]);

/** Reads one session's report. `text` is hostile: anything that does not verify makes it `forged`. A last line cut short is `unfinished`. */
export function readSession(text: string, key: Uint8Array): Session {
  const outcomes: Outcome[] = [];
  let runner: Reporter | null = null;
  let ended = false;
  const lines = text.split('\n');
  const rest = lines.pop() ?? '';
  for (const [index, line] of lines.entries()) {
    const mac = Buffer.from(line.slice(0, 64), 'hex');
    const body = line.slice(65);
    const expected = createHmac('sha256', key).update(body).digest();
    if (line[64] !== ' ' || mac.length !== expected.length || !timingSafeEqual(mac, expected))
      return { kind: 'forged', why: `line ${index + 1} of the report was not written by the reporter` };
    const parsed = Line.safeParse(JSON.parse(body));
    if (!parsed.success || parsed.data[0] !== index || ended)
      return { kind: 'forged', why: `line ${index + 1} of the report is out of order` };
    const [, record] = parsed.data;
    if (record.t === 'start') {
      if (index !== 0) return { kind: 'forged', why: 'the report starts twice' };
      runner = record.runner;
    } else if (record.t === 'end') {
      ended = true;
    } else {
      const title = record.name.split(' > ').at(-1) ?? record.name;
      outcomes.push({ ...record, kind: record.t, title });
    }
  }
  if (runner === null) return { kind: 'forged', why: 'the report has no start' };
  if (ended && rest !== '') return { kind: 'forged', why: 'the report goes on after its end' };
  return ended ? { kind: 'finished', runner, outcomes } : { kind: 'unfinished', runner, outcomes };
}
