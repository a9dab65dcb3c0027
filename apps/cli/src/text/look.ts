import picocolors from 'picocolors';

const UNICODE = {
  done: '✔',
  running: '●',
  waiting: '◌',
  failed: '✖',
  again: '↻',
  cancelled: '⊘',
  back: '↩',
  ellipsis: '…',
  dot: '·',
  arrow: '→',
  rule: '─',
  bar: '│',
  spinner: ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'],
};
type Symbols = typeof UNICODE;

const ASCII: Symbols = {
  done: '+',
  running: '*',
  waiting: '.',
  failed: 'x',
  again: '~',
  cancelled: '-',
  back: '<',
  ellipsis: '...',
  dot: '-',
  arrow: '->',
  rule: '-',
  bar: '|',
  spinner: ['|', '/', '-', '\\'],
};

/** How a stream wants its text: colours, symbols, width. Views take one and stay pure. */
export type Look = {
  colour: ReturnType<typeof picocolors.createColors>;
  symbol: Symbols;
  /** Columns; unlimited where it is no terminal, so that nothing is cut on the way into a file or a pipe. */
  columns: number;
  terminal: boolean;
};

type Env = Record<string, string | undefined>;

/** `NO_COLOR` (no-color.org: set and not empty) wins over `FORCE_COLOR`, which wins over whether it is a terminal. */
export function wantsColour(env: Env, terminal: boolean): boolean {
  if (env.NO_COLOR !== undefined && env.NO_COLOR !== '') return false;
  if (env.FORCE_COLOR !== undefined && env.FORCE_COLOR !== '') return env.FORCE_COLOR !== '0';
  return terminal && env.TERM !== 'dumb';
}

/** A locale that says another character set, a dumb terminal and the kernel's own console get ASCII; an unset locale says nothing. */
export function wantsUnicode(env: Env): boolean {
  if (env.TERM === 'dumb' || env.TERM === 'linux') return false;
  const locale = [env.LC_ALL, env.LC_CTYPE, env.LANG].find((value) => value !== undefined && value !== '');
  return locale === undefined || /utf-?8/i.test(locale);
}

export function lookOf(stream: { isTTY?: boolean; columns?: number }, env: Env): Look {
  const terminal = stream.isTTY === true;
  return {
    colour: picocolors.createColors(wantsColour(env, terminal)),
    symbol: wantsUnicode(env) ? UNICODE : ASCII,
    columns: terminal ? Math.max(40, stream.columns ?? 80) : Number.POSITIVE_INFINITY,
    terminal,
  };
}
