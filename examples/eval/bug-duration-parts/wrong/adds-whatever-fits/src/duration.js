const SECONDS = { h: 3600, m: 60, s: 1 };

/** Seconds of a text such as `1h30m`. */
export function duration(text) {
  const found = [...text.matchAll(/(\d+)([hms])/g)];
  if (found.length === 0) throw new Error(`no duration: ${text}`);
  return found.reduce((sum, [, amount, unit]) => sum + Number(amount) * SECONDS[unit], 0);
}
