/** What gives a shell's text another structure than a chain: lists, subshells, comments, commands in the place of words. */
const OTHERWISE = /[;&()`\n]|\|\||<<|(^|\s)(#|[{}](\s|$))/;
/** Words that begin or end what spans several commands. */
const KEYWORD = /(^|\s)(if|then|elif|else|fi|for|while|until|do|done|case|esac)(\s|$)/;

/** The steps of a shell's text, which stand between its `&&`; the whole as one where it is not plainly a chain of them. */
export function chainOf(text: string): string[] {
  const steps: string[] = [];
  let step = '';
  // Without what is quoted.
  let bare = '';
  let quote: string | null = null;
  for (let at = 0; at < text.length; at += 1) {
    const char = text[at] as string;
    const two = text.slice(at, at + 2);
    if (quote !== null) {
      // What stands in for words within double quotes has quotes of its own.
      if (quote === '"' && (char === '`' || two === '$(')) return [text];
      step += char;
      if (quote === '"' && char === '\\') step += text[++at] ?? '';
      else if (char === quote) quote = null;
    } else if (char === '"' || char === "'") {
      step += char;
      quote = char;
    } else if (char === '\\' || two === '>&') {
      step += two;
      at += 1;
    } else if (two === '&&') {
      steps.push(step.trim());
      step = '';
      bare += ' ';
      at += 1;
    } else {
      step += char;
      bare += char;
    }
  }
  steps.push(step.trim());
  const plain = quote === null && !OTHERWISE.test(bare) && !KEYWORD.test(bare) && !steps.includes('');
  return plain ? steps : [text];
}

/** Leaves a mark of a step, where it can; never fails, and prints nothing. */
export const marking = (step: number, folder: string): string =>
  `{ true >${folder}/step-${step} || true; } 2>/dev/null`;

/** A chain with a mark behind each of its steps but the last; `first` is the number of its first. */
export const marked = (chain: readonly string[], first: number, folder: string): string =>
  chain
    .flatMap((step, nth) => [step, marking(first + nth, folder)])
    .slice(0, -1)
    .join(' && ');
