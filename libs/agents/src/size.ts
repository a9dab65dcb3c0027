/**
 * The most that a picture is counted as, in tokens; larger ones are made smaller by the API.
 * Source: https://platform.claude.com/docs/en/build-with-claude/vision ("Image tokens")
 */
const MOST_TOKENS = 5_000;

/**
 * Blocks of a conversation are never changed, and each request has all of those before it: a block is measured once. So what a turn costs the factory does not
 * grow with the turns before.
 */
const measured = new WeakMap<object, number>();

/** Bytes of a request or a part of it as JSON, as far as tokens go: a picture counts as what it may cost, not as its bytes. */
export function sizeOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return Buffer.byteLength(JSON.stringify(value) ?? 'null');
  const known = measured.get(value);
  if (known !== undefined) return known;
  const size = Array.isArray(value) ? listSize(value) : objectSize(value);
  if ('type' in value) measured.set(value, size);
  return size;
}

const between = (parts: number): number => 2 + Math.max(0, parts - 1);

const listSize = (list: readonly unknown[]): number =>
  list.reduce((sum: number, one) => sum + sizeOf(one), between(list.length));

function objectSize(value: object): number {
  const entries = Object.entries(value).filter(([, inner]) => inner !== undefined);
  const picture = 'type' in value && value.type === 'base64';
  return entries.reduce((sum, [key, inner]) => {
    const counted =
      picture && key === 'data' && typeof inner === 'string' ? inner.slice(0, MOST_TOKENS) : inner;
    return sum + sizeOf(key) + 1 + sizeOf(counted);
  }, between(entries.length));
}
