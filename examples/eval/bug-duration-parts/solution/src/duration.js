const SECONDS = { h: 3600, m: 60, s: 1 };

/** Seconds of a text such as `1h30m`. */
export function duration(text) {
  if (!/^(\s*\d+[hms])+\s*$/.test(text)) throw new Error(`no duration: ${text}`);
  let seconds = 0;
  for (const [, amount, unit] of text.matchAll(/(\d+)([hms])/g)) seconds += Number(amount) * SECONDS[unit];
  return seconds;
}
