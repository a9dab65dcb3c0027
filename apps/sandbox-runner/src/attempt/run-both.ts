import type { Held } from './runner.ts';

/**
 * Does two parts of an attempt side by side. Where one fails the other is told to stop, both are waited for (so that nothing of them
 * goes on behind the attempt), and the first failure is thrown. The other may wait for what the one comes to.
 */
export async function together<H extends Held, A, B>(
  held: H,
  one: (held: H) => Promise<A>,
  other: (held: H, one: Promise<A>) => Promise<B>,
): Promise<[A, B]> {
  const broken = new AbortController();
  const with_ = { ...held, signal: AbortSignal.any([held.signal, broken.signal]) };
  let first: { error: unknown } | null = null;
  const noted = async <T>(work: Promise<T>): Promise<T> => {
    try {
      return await work;
    } catch (error) {
      first ??= { error };
      broken.abort(error);
      throw error;
    }
  };
  const ones = noted(one(with_));
  const others = noted(other(with_, ones));
  await Promise.allSettled([ones, others]);
  const failed = first as { error: unknown } | null;
  if (failed !== null) throw failed.error;
  return [await ones, await others];
}
