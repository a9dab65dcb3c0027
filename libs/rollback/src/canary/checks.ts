import type { Clock, ReleaseId } from '@millwright/domain';
import { messageOf } from '../message-of.ts';
import type { Probe, Smoked } from '../targets/target.ts';

// What may be asked about a release besides the proxy's figures. A check answers within its time limit and never rejects.

export type CheckResult = { readonly kind: 'healthy' | 'degraded' | 'inconclusive'; readonly reason: string };
export type CheckContext = {
  readonly release: ReleaseId;
  readonly signal: AbortSignal;
  readonly clock: Clock;
  /** One GET of a path of the new release itself, through the proxy, whatever its share of traffic. */
  ask(path: string): Promise<Pick<Probe, 'ok' | 'text'>>;
};
export type Check = {
  readonly name: string;
  /** Asked again this often during a bake, in milliseconds; null: once a step. */
  readonly everyMs: number | null;
  run(context: CheckContext): Promise<CheckResult>;
};

const TRIES = 3;
const BETWEEN_MS = 200;
const MAX_ANSWER = 256 << 10;

const healthy = (reason: string): CheckResult => ({ kind: 'healthy', reason });
const degraded = (reason: string): CheckResult => ({ kind: 'degraded', reason });
const inconclusive = (reason: string): CheckResult => ({ kind: 'inconclusive', reason });

/**
 * A GET. `path` (from `/`) is asked of the new release itself; anything else is an address, which must answer with a 2xx in 5 s, redirects
 * not followed. Three failures in a row are degraded, one that comes and goes is inconclusive.
 */
export function httpCheck(where: string, everyMs = 1_000, timeoutMs = 5_000): Check {
  const once = async (context: CheckContext) => {
    if (where.startsWith('/')) return context.ask(where);
    try {
      const signal = AbortSignal.any([context.signal, AbortSignal.timeout(timeoutMs)]);
      const response = await fetch(where, {
        signal,
        redirect: 'manual',
        headers: { 'user-agent': 'millwright-check' },
      });
      await response.body?.cancel();
      return { ok: response.ok, text: `${where}: ${response.status}` };
    } catch (error) {
      return { ok: false, text: `${where}: ${messageOf(error)}` };
    }
  };
  return {
    name: `http ${where}`,
    everyMs,
    async run(context) {
      let last = '';
      for (let tried = 1; tried <= TRIES; tried += 1) {
        const answer = await once(context);
        if (answer.ok && tried === 1) return healthy(answer.text);
        if (answer.ok) return inconclusive(`well only after ${tried - 1} failures: ${last}`);
        if (context.signal.aborted) return inconclusive('stopped');
        last = answer.text;
        if (tried < TRIES) await context.clock.sleep(BETWEEN_MS);
      }
      return degraded(`${TRIES} times in a row: ${last}`);
    },
  };
}

/** How the caller ran the repository's own command; null when it could not be run at all, which says nothing about the release. */
export type SmokeRun = (
  command: string,
  context: Pick<CheckContext, 'release' | 'signal'>,
) => Promise<Smoked | null>;

/** The repository's own smoke command, once a step; run by the caller, who knows where. Exit code 0 is healthy. */
export function smokeCheck(command: string, run: SmokeRun): Check {
  return {
    name: `smoke ${command.slice(0, 60)}`,
    everyMs: null,
    async run({ release, signal }) {
      try {
        const ended = await run(command, { release, signal });
        if (ended === null) return inconclusive('the command could not be run');
        const said = ended.output.slice(-1_000).trim();
        return ended.exitCode === 0
          ? healthy('exit code 0')
          : degraded(`exit code ${ended.exitCode}: ${said}`);
      } catch (error) {
        return inconclusive(`the command could not be run: ${messageOf(error)}`);
      }
    },
  };
}

export type PrometheusRule = {
  readonly url: string;
  /** PromQL; `{{release}}` is replaced by the release's id. Its value, or every value of its vector, is judged. */
  readonly query: string;
  readonly max?: number | undefined;
  readonly min?: number | undefined;
};

/**
 * An instant query of the Prometheus HTTP API (`/api/v1/query`). No series, NaN, an error or no answer in 5 s is inconclusive: missing
 * data is not good data. A value beyond `max` or `min` must be so twice in a row, a second apart.
 */
export function prometheusCheck({ url, query, max, min }: PrometheusRule, everyMs = 2_000): Check {
  const asked = async (context: CheckContext): Promise<CheckResult> => {
    const address = new URL(`${url.replace(/\/$/, '')}/api/v1/query`);
    address.searchParams.set('query', query.replaceAll('{{release}}', context.release));
    const values = await valuesOf(address, AbortSignal.any([context.signal, AbortSignal.timeout(5_000)]));
    if (typeof values === 'string') return inconclusive(values);
    if (values.length === 0) return inconclusive('the query has no data');
    if (values.some((value) => Number.isNaN(value)))
      return inconclusive('the query gives NaN: too little data');
    const bad = values.find(
      (value) => (max !== undefined && value > max) || (min !== undefined && value < min),
    );
    const bounds = [max === undefined ? '' : `at most ${max}`, min === undefined ? '' : `at least ${min}`];
    const wanted = bounds.filter((each) => each !== '').join(' and ');
    return bad === undefined
      ? healthy(`${values.join(', ')}: ${wanted}`)
      : degraded(`${bad}, wanted ${wanted}`);
  };
  return {
    name: `prometheus ${query.slice(0, 60)}`,
    everyMs,
    async run(context) {
      const first = await asked(context);
      if (first.kind !== 'degraded' || context.signal.aborted) return first;
      await context.clock.sleep(1_000);
      const second = await asked(context);
      return second.kind === 'degraded' ? second : inconclusive(`it comes and goes: ${first.reason}`);
    },
  };
}

/** The values of an instant query's answer, or why there are none. */
async function valuesOf(address: URL, signal: AbortSignal): Promise<number[] | string> {
  try {
    const response = await fetch(address, {
      signal,
      redirect: 'error',
      headers: { accept: 'application/json' },
    });
    const text = await bounded(response);
    if (!response.ok) return `Prometheus answers ${response.status}: ${text.slice(0, 300)}`;
    return parseValues(JSON.parse(text));
  } catch (error) {
    return `Prometheus does not answer: ${messageOf(error)}`;
  }
}

async function bounded(response: Response): Promise<string> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of response.body ?? []) {
    size += part.length;
    if (size > MAX_ANSWER) throw new Error('an answer of more than 256 KiB');
    parts.push(part);
  }
  return Buffer.concat(parts).toString('utf8');
}

const field = (value: unknown, name: string): unknown =>
  typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;

/** Scalars and instant vectors (the API's `resultType`); others have no single value. */
function parseValues(answer: unknown): number[] | string {
  const data = field(answer, 'data');
  const [type, result] = [field(data, 'resultType'), field(data, 'result')];
  if (field(answer, 'status') !== 'success' || !Array.isArray(result))
    return `Prometheus refuses the query: ${String(field(answer, 'error') ?? 'no reason')}`;
  const last = (pair: unknown) => (Array.isArray(pair) ? Number(pair[1]) : Number.NaN);
  if (type === 'scalar') return [last(result)];
  if (type === 'vector') return result.map((each) => last(field(each, 'value')));
  return `the query gives a ${String(type)}, not a number`;
}
