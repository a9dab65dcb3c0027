// Comments that tools obey are code: `// @ts-nocheck`, `# noqa`, `/* istanbul ignore next */`. Which tools there are nobody can list, so a comment
// is prose by a list that allows: words and their punctuation, beginning as a sentence does.

const PLAIN = /^[\p{L}\p{M}\p{Nd}\s.,;:'"()?!/`_+*%&–—‘’“”…-]*$/u;
/** A word with a colon inside (`type:ignore`), two lines under (`__PURE__`) and options (`-x`, `--exclusive`) are no English. */
const OF_TOOLS = /\w:\w|__|(?:^|\s)(?:-{1,2}|\+)\w/;
const MARKS = /^(?:todo|fixme|note|notes|hack|xxx|bug|why|see|warning|example|examples|returns?|invariant)$/i;
/** First words that tools read without a sign of their own beside them. */
const TOOLS =
  /^(?:eslint|biome|prettier|istanbul|c8|v8|node|coverage|globals?|exported|jshint|jslint|jscs|tslint|oxlint|standard|xo|dprint|deno|bun|flow|webpack|vite|rollup|parcel|esbuild|swc|babel|jest|vitest|mocha|cspell|spell|codespell|pragma|pylint|mypy|pyright|ruff|flake|isort|black|yapf|fmt|bandit|type|types|coding|encoding|vim?|ex|emacs|shellcheck|shfmt|yamllint|checkov|tfsec|trivy|kics|snyk|semgrep|codeql|lgtm|sonar|language|syntax|escape|region|endregion|cython|doctest|gitleaks|secretlint|renovate|dependabot|stylelint|codecov|lcov|skipcq|rubocop|sorbet|typed|frozen|swagger|openapi|zizmor|sbatch|pbs|bsub|hadolint|ansible|no[a-z]+)\d*$/i;
const VERBS_OF_TOOLS = /^(?:ignore|disable|enable|off|on|next|skip|start|stop|end|begin)$/i;

/** True for the text of a comment, without its signs, that no tool reads. */
export function isProse(comment: string): boolean {
  const text = comment.trim();
  if (text === '') return true;
  if (!PLAIN.test(text) || OF_TOOLS.test(text)) return false;
  const [first = '', second = ''] = text.split(/\s+/, 2);
  const word = /^["'(`“‘]?([\p{L}\p{M}\p{Nd}][\p{L}\p{M}\p{Nd}'’/_-]*)([.,;:?!)"'`”’…]*)$/u.exec(first);
  if (word === null) return false;
  const [, name = '', sign = ''] = word;
  if (sign.includes(':') && !MARKS.test(name)) return false;
  if (name.includes('-') && second === '') return false;
  if (TOOLS.test(name.split(/[-_/]/, 1)[0] ?? '')) return false;
  return !VERBS_OF_TOOLS.test(second.replace(/[.,;:]+$/, ''));
}
