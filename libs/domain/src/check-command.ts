import { CHECKS_FOLDER } from './artifacts.ts';

// What decides whether an acceptance check's command ends with 0, as far as its words show it. A program of the tree that decides it by itself
// says so of itself, which shows nothing: the check has to look from outside, with code of its own or with a program of the system.

/** `tree`: a program of the tree. `suite`: what may run the tree's tests, and says something only where its runner reports. `other`: all else. */
export type Decides = { by: 'tree' | 'suite'; program: string } | { by: 'other' };

const OTHER: Decides = { by: 'other' };
/** They prepare, say something or pass something on; none of them looks. */
const NEUTRAL =
  /^(cd|pushd|popd|export|set|unset|local|read|shift|trap|echo|printf|true|false|:|exit|return|wait|sleep|mkdir|rm|cp|mv|touch|chmod|ln|kill|tail|head|cat|tee|sort|uniq|wc|tr|cut|sed|for|case|esac|done|fi|\}|in)$/;
const KEYWORD = /^(if|then|elif|else|while|until|do|!|\{)$/;
/** They start the program that is named behind them and their options. */
const WRAPPER = /^(env|time|timeout|nice|nohup|exec|command|builtin|stdbuf|setsid|xvfb-run|sudo)$/;
const SHELL = /^(ba|da|z|k|a)?sh$/;
const INTERPRETER =
  /^(node|nodejs|bun|deno|tsx|ts-node|python[\d.]*|pypy\d*|ruby|perl|php|lua|Rscript|java|osascript|pwsh)$/;
const INLINE = /^(-e|-p|-pe|--eval|--print|--eval=.*|--print=.*|-)$/;
/** To node these say something else. */
const INLINE_ELSEWHERE = /^-[cr]$/;
const MANAGER = /^(npm|yarn|pnpm|bun|deno)$/;
const BUILDER =
  /^(make|gmake|just|task|rake|tox|nox|gradle|mvn|ant|ctest|cargo|go|dotnet|composer|bundle|mix|sbt)$/;
/** Installed programs that read the tree and run nothing of it but their configuration. */
const READER =
  /^(tsc|tsd|vue-tsc|eslint|oxlint|standard|semistandard|xo|prettier|biome|stylelint|markdownlint(-cli2?)?|knip|publint|attw|size-limit|cspell|ajv|depcruise)$/;
const RUNNER =
  /^(mocha|_mocha|jest|vitest|ava|tap|tape|uvu|jasmine|karma|playwright|cypress|c8|nyc|pytest|rspec|phpunit|bats)$/;

/** A step of a command: the words of one program, and whether it runs in a shell of its own (`( … )`). */
type Step = { words: string[]; inside: boolean };

/**
 * Says what decides a command's end. `own` gives the text of a file of the checks by its path, or null. What is sourced decides all that comes
 * after it in its shell, since it can give any word another meaning.
 */
export function decides(command: string, own: (path: string) => string | null = () => null): Decides {
  let found: Decides = OTHER;
  for (const { words, inside } of steps(command)) {
    const step = ofStep(words, own);
    if (step === null) continue;
    if (step.sourced && !inside && step.by.by === 'tree') return step.by;
    found = step.by;
  }
  return found;
}

/** Whether code of the check's own stands in the command: a file of the checks, or what it gives to an interpreter. */
export const hasOwnCode = (command: string): boolean =>
  command.includes(`${CHECKS_FOLDER}/`) ||
  steps(command).some(({ words }) => {
    const [program = '', ...args] = programOf(words);
    return INTERPRETER.test(nameOf(program)) && givesCode(nameOf(program), args);
  });

function ofStep(
  given: readonly string[],
  own: (path: string) => string | null,
): { by: Decides; sourced: boolean } | null {
  const words = programOf(given);
  const [program, ...args] = words;
  // An assignment alone ends as what it was made of does.
  if (program === undefined) {
    const made = given.map((word) => /\$\(([\s\S]*)\)/.exec(word)?.[1]).find((text) => text !== undefined);
    return made === undefined ? null : { by: decides(made, own), sourced: false };
  }
  const name = nameOf(program);
  if (NEUTRAL.test(name)) return null;
  // A comparison with nothing but an exit code is that exit code.
  if (/^(\[|\[\[|test)$/.test(name) && args.includes('$?') && !args.some((arg) => arg.includes('$(')))
    return null;
  if (name === '.' || name === 'source') return { by: ofFile(args[0] ?? '', program, own), sourced: true };
  return { by: ofProgram(program, name, args, own), sourced: false };
}

function ofProgram(
  program: string,
  name: string,
  args: readonly string[],
  own: (path: string) => string | null,
): Decides {
  if (SHELL.test(name)) {
    const at = args.findIndex((arg) => /^-\w*c$/.test(arg));
    if (at >= 0) return decides(args[at + 1] ?? '', own);
    return ofFile(args.find((arg) => !arg.startsWith('-')) ?? '', name, own);
  }
  if (name === 'node' && args.some((arg) => arg === '--test')) return suite('node --test');
  if (name === 'node' && args.some((arg) => arg === '--run' || arg.startsWith('--run=')))
    return { by: 'tree', program: [name, ...args].join(' ') };
  if (/^python/.test(name) && args[0] === '-m') return ofInstalled(args[1] ?? '', args.slice(2));
  if (INTERPRETER.test(name) && !(MANAGER.test(name) && /^(run|test|task|x)$/.test(args[0] ?? ''))) {
    if (givesCode(name, args)) return OTHER;
    return ofFile(fileOf(args), name, own);
  }
  if (MANAGER.test(name)) return ofManager(name, args);
  if (BUILDER.test(name)) return { by: 'tree', program: [name, ...args].join(' ') };
  if (/^npx|^(pnp|bun)x$/.test(name)) {
    const at = args.findIndex((arg) => !arg.startsWith('-'));
    return at < 0 ? OTHER : ofInstalled(nameOf(args[at] ?? ''), args.slice(at + 1));
  }
  if (/(^|\/)node_modules\/\.bin\//.test(program) || RUNNER.test(name)) return ofInstalled(name, args);
  return isOfTree(program) ? ofFile(program, '', own) : OTHER;
}

function ofManager(name: string, args: readonly string[]): Decides {
  const words = args.filter((arg) => !arg.startsWith('-'));
  const [verb = '', script = ''] = words;
  if (/^(exec|dlx|x)$/.test(verb)) return ofInstalled(script, words.slice(2));
  if (/^(install|ci|i|pack|ls|list|view|audit|config|why|outdated|version|info|publish)$/.test(verb))
    return OTHER;
  const asked = /^(run|run-script|task)$/.test(verb) ? script : verb;
  const program = [name, ...args].join(' ');
  return asked === 't' || /^tests?\b/.test(asked) ? suite(program) : { by: 'tree', program };
}

/** A program that was installed: it looks at the tree, or runs what it is given of it. */
function ofInstalled(name: string, args: readonly string[]): Decides {
  if (READER.test(name) || args.some(isOwn)) return OTHER;
  return suite([name, ...args].join(' '));
}

const givesCode = (name: string, args: readonly string[]): boolean =>
  args.some((arg) => INLINE.test(arg) || (!/^(node|bun|deno)/.test(name) && INLINE_ELSEWHERE.test(arg)));

const suite = (program: string): Decides => ({ by: 'suite', program });

function ofFile(path: string, by: string, own: (path: string) => string | null): Decides {
  if (path === '') return OTHER;
  const program = [by, path].filter((word) => word !== '').join(' ');
  if (!isOwn(path)) return path.startsWith('/') && !isOfTree(path) ? OTHER : { by: 'tree', program };
  const text = own(path.slice(path.indexOf(CHECKS_FOLDER)));
  if (text === null || !(/\.(ba|z|k)?sh$/.test(path) || /^#!.*\b(ba|da|z|k|a)?sh\b/.test(text))) return OTHER;
  // A script of the check's is decided by its own last statement; it does not start itself.
  return decides(text, (other) => (path.endsWith(other) ? null : own(other)));
}

const isOwn = (path: string) => new RegExp(`(^|/)${CHECKS_FOLDER.replace('.', '\\.')}/`).test(path);
const isOfTree = (path: string) =>
  path.includes('/') && (!path.startsWith('/') || /^\/(workspace|app)\//.test(path));
const nameOf = (path: string) => path.slice(path.lastIndexOf('/') + 1);

/** The first word that is no option, nor what one of node's takes. */
function fileOf(args: readonly string[]): string {
  for (let at = 0; at < args.length; at++) {
    const arg = args[at] ?? '';
    if (/^(-r|--require|--import|--loader|--experimental-loader|-C|--conditions|-W|-X|-I)$/.test(arg))
      at += 1;
    else if (!arg.startsWith('-')) return arg;
  }
  return '';
}

/** A step's words without what stands before its program: keywords, assignments, programs that only start it. */
function programOf(words: readonly string[]): string[] {
  let at = 0;
  for (; at < words.length; at++) {
    const word = words[at] ?? '';
    if (KEYWORD.test(word) || /^\w+\+?=/.test(word)) continue;
    if (!WRAPPER.test(nameOf(word))) break;
    while (/^(-|\d+[smhd]?$)/.test(words[at + 1] ?? '')) at += 1;
  }
  return words.slice(at);
}

/** A command's steps in their order, without its comments, redirections and the texts that it gives on standard input. */
function steps(command: string): Step[] {
  const text = command
    .replaceAll(/<<-?\s*(['"]?)(\w+)\1([^\n]*)\n[\s\S]*?\n\s*\2(?=\n|$)/g, '- $3')
    .replaceAll('\\\n', ' ');
  const found: Step[] = [];
  let words: string[] = [];
  let word: string | null = null;
  let depth = 0;
  const ends = () => {
    if (word !== null) words.push(word);
    word = null;
  };
  const endsStep = () => {
    ends();
    if (words.length > 0) found.push({ words, inside: depth > 0 });
    words = [];
  };
  for (let at = 0; at < text.length; at++) {
    const char = text[at] ?? '';
    if (char === "'" || char === '"') {
      const end = closingQuote(text, at);
      word = (word ?? '') + text.slice(at + 1, end);
      at = end;
    } else if (char === '\\') {
      word = (word ?? '') + (text[++at] ?? '');
    } else if (text.startsWith('$(', at) || text.startsWith('<(', at) || char === '`') {
      const end = char === '`' ? text.indexOf('`', at + 1) : closingBracket(text, at + 1);
      const stop = end < 0 ? text.length : end;
      word = (word ?? '') + (char === '`' ? `$(${text.slice(at + 1, stop)})` : text.slice(at, stop + 1));
      at = stop;
    } else if (/^\d?[<>]/.test(text.slice(at)) && (word === null || char === '<' || char === '>')) {
      ends();
      const redirection = /^\d?[<>]{1,3}[&|]?\s*[^\s;&|()<>]*/.exec(text.slice(at))?.[0] ?? char;
      at += redirection.length - 1;
    } else if (char === '#' && word === null) {
      const end = text.indexOf('\n', at);
      at = end < 0 ? text.length : end - 1;
    } else if (char === '(' || char === ')') {
      endsStep();
      depth += char === '(' ? 1 : -1;
    } else if (/[;&|\n]/.test(char)) {
      endsStep();
    } else if (/\s/.test(char)) {
      ends();
    } else {
      word = (word ?? '') + char;
    }
  }
  endsStep();
  return found;
}

/** Where the quote that opens at `at` is closed. */
function closingQuote(text: string, at: number): number {
  const quote = text[at];
  for (let i = at + 1; i < text.length; i++) {
    if (text[i] === '\\' && quote === '"') i += 1;
    else if (text.startsWith('$(', i) && quote === '"') i = Math.max(i, closingBracket(text, i + 1));
    else if (text[i] === quote) return i;
  }
  return text.length;
}

/** Where the bracket that opens at `at` is closed, or -1. */
function closingBracket(text: string, at: number): number {
  let depth = 0;
  for (let i = at; i < text.length; i++) {
    const char = text[i];
    if (char === '\\') i += 1;
    else if (char === "'" || char === '"') i = closingQuote(text, i);
    else if (char === '(') depth += 1;
    else if (char === ')' && --depth === 0) return i;
  }
  return -1;
}
