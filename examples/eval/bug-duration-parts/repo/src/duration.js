const SECONDS = { h: 3600, m: 60, s: 1 };

/** Seconds of a text such as `1h30m`. */
export function duration(text) {
  const found = /(\d+)([hms])/.exec(text);
  if (found === null) throw new Error(`no duration: ${text}`);
  return Number(found[1]) * SECONDS[found[2]];
}
