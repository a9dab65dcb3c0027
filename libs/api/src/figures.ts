import { LADDER } from '@millwright/domain';

// Figures as every client of the API says them to people.

/** `820 ms`, `3.1 s`, `42 s`, `3:07`, `2:05:09`. */
export function duration(ms: number): string {
  if (ms < 1_000) return `${Math.max(0, Math.round(ms))} ms`;
  if (ms < 10_000) return `${(ms / 1_000).toFixed(1)} s`;
  const seconds = Math.floor(ms / 1_000);
  if (seconds < 60) return `${seconds} s`;
  const two = (n: number) => String(n).padStart(2, '0');
  const [h, m, s] = [Math.floor(seconds / 3_600), Math.floor(seconds / 60) % 60, seconds % 60];
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

/** `1,234` `56.7k` `1.2M`. */
export function count(n: number): string {
  if (n < 10_000) return n.toLocaleString('en-US');
  return n < 1_000_000 ? `${(n / 1_000).toFixed(1)}k` : `${(n / 1_000_000).toFixed(1)}M`;
}

/** `just now`, `5 min ago`, `3 h ago`, `2 d ago`; `in 5 min` for what is to come. */
export function ago(at: number, now: number): string {
  const distance = Math.abs(now - at);
  if (distance < 45_000) return at > now ? `in ${Math.ceil(distance / 1_000)} s` : 'just now';
  const text =
    distance < 90 * 60_000
      ? `${Math.round(distance / 60_000)} min`
      : distance < 36 * 3_600_000
        ? `${Math.round(distance / 3_600_000)} h`
        : `${Math.round(distance / 86_400_000)} d`;
  return at > now ? `in ${text}` : `${text} ago`;
}

/** A digest or commit as people compare them: `sha256:0a1b2c3d4e5f`, `0a1b2c3d4e5f`. */
export const short = (digest: string): string =>
  digest.replace(/^(sha256:)?([0-9a-f]{12})[0-9a-f]+$/, '$1$2');

/** What the steps of autonomy are called, from 0. */
export const STEP_NAMES: readonly string[] = LADDER.map(({ name }) => name);
