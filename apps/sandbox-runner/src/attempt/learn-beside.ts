import type { Prepared } from '../verify/run-suite.ts';
import { learnAhead } from '../verify/verify.ts';
import { type Held, suiteMsOf, whereOf } from './runner.ts';

/** A plan that is there sooner has nobody wait for a suite, nor a machine run one in vain. */
const AFTER_MS = 10_000;

/**
 * Does `work`, and learns beside it what the base's own tests say, so that whoever comes after is told. It ends with `work`: what is not learned by
 * then is learned where it is needed.
 */
export async function learningBeside<T>(held: Held, base: Prepared, work: () => Promise<T>): Promise<T> {
  const { runner, spec } = held;
  const over = new AbortController();
  const signal = AbortSignal.any([held.signal, over.signal]);
  const learning = runner.clock
    .sleep(runner.learnAfterMs ?? AFTER_MS, signal)
    .then(() =>
      learnAhead(whereOf(held), runner.memory, {
        ...{ toolchain: runner.toolchain, config: spec.config, base, signal },
        timeoutMs: suiteMsOf(held),
      }),
    )
    .catch((error: unknown) => {
      if (!signal.aborted)
        runner.note('base.unlearned', { run: spec.run, attempt: spec.attempt, error: String(error) });
    });
  try {
    return await work();
  } finally {
    over.abort();
    await learning;
  }
}
