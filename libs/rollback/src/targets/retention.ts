/** Which releases can still be gone back to: the newest `images`, and every one that is younger than `forMs`. */
export type Retention = { readonly images: number; readonly forMs: number };

/** Five, and a week's. */
export const RETENTION: Retention = { images: 5, forMs: 7 * 24 * 3_600_000 };

/** Those that neither their number nor their age keeps. `createdAt` in milliseconds since the epoch. */
export function prunable<T extends { readonly createdAt: number }>(
  images: readonly T[],
  { images: most, forMs }: Retention,
  now: number,
): T[] {
  return [...images]
    .sort((a, b) => b.createdAt - a.createdAt)
    .slice(most)
    .filter(({ createdAt }) => now - createdAt >= forMs);
}
