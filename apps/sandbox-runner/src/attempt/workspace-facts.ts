import type { Workspace } from '@millwright/domain';
import { BASE_AT } from '@millwright/sandbox';
import { quote } from '@millwright/toolchains';
import type { Prepared } from '../verify/run-suite.ts';
import type { Unprepared } from './workspace-inputs.ts';

/** What an agent may look for, and mostly does. */
const TOOLS = ['git', 'rg', 'curl', 'jq', 'python3', 'make', 'gcc', 'go', 'cargo', 'java'];

/**
 * Versions of node and npm, the second read from its own manifest (to start it takes half a second); names of a manifest's scripts, and of the
 * programs that they begin with, those that are nowhere.
 */
const SCRIPTS = `const fs = require("fs");
console.log("node " + process.version);
const npm = process.env.PATH.split(":").map((one) => one + "/npm").find((one) => fs.existsSync(one));
const its = npm && require("path").resolve(fs.realpathSync(npm), "../../package.json");
if (its && fs.existsSync(its)) console.log("npm " + require(its).version);
const { scripts = {} } = JSON.parse(fs.readFileSync("package.json", "utf8"));
console.log("scripts " + Object.keys(scripts).join(", "));
const around = ["pretest", "test", "posttest"].filter((one) => scripts[one]);
if (around.length > 1) console.log("around " + around.map((one) => one + ": " + String(scripts[one]).replace(/\\s+/g, " ")).join("; "));
const parts = Object.values(scripts).flatMap((one) => String(one).split(/&&|[|][|]|[;|]/));
const first = parts.map((part) => part.trim().split(/\\s+/).find((word) => !/^\\w+=/.test(word)) ?? "");
const own = "cd echo exit export set test true false exec source . :".split(" ");
const folders = [...process.env.PATH.split(":"), "node_modules/.bin"];
const absent = (name) => /^[\\w.-]+$/.test(name) && !own.includes(name) && !folders.some((one) => fs.existsSync(one + "/" + name));
console.log("absent " + [...new Set(first)].filter(absent).join(", "));`;

const ASK = `for tool in ${TOOLS.join(' ')}; do command -v $tool >/dev/null && echo "+$tool" || echo "-$tool"; done
command -v node >/dev/null && node -e ${quote(SCRIPTS)} 2>/dev/null
true`;

/**
 * What everybody would look for in a workspace, a line each: tools, dependencies, scripts, history. `onBase`: HEAD's parent is the base. One command; what the sandbox says of itself
 * is its own agent's to believe. Nothing where the sandbox does not answer: the agent finds that out.
 */
export async function workspaceFacts(
  workspace: Pick<Workspace, 'exec'>,
  made: Prepared | Unprepared,
  onBase: boolean,
): Promise<string[]> {
  const asked = await workspace.exec(ASK, { timeoutMs: 10_000, maxBytes: 8_192 });
  if (asked.kind !== 'exited') return [];
  const lines = asked.output.split('\n').map((line) => line.trim());
  const marked = (mark: string) =>
    lines
      .filter((line) => line.startsWith(mark) && TOOLS.includes(line.slice(1)))
      .map((line) => line.slice(1));
  const after = (word: string) =>
    lines.find((line) => line.startsWith(`${word} `))?.slice(word.length + 1) ?? '';
  const versions = ['node', 'npm']
    .map((name) => [name, after(name)].join(' '))
    .filter((one) => / \S/.test(one));
  return [
    `tools: ${[...versions, ...marked('+')].join(', ')}; not there: ${marked('-').join(', ') || 'none of note'}`,
    after('scripts') === '' ? '' : `package.json scripts: ${after('scripts').slice(0, 300)}`,
    after('around') === '' ? '' : `npm test is ${after('around').slice(0, 400)}`,
    after('absent') === '' ? '' : `called by its scripts, and not there: ${after('absent').slice(0, 200)}`,
    dependencies(made),
    onBase
      ? `git: HEAD is the work so far, HEAD~1 what it was made on (also in ${BASE_AT}), with the repository’s last commits as its history`
      : 'git: HEAD is what you begin with, with the repository’s last commits as its history',
  ].filter((line) => line !== '');
}

function dependencies(made: Prepared | Unprepared): string {
  if ('kind' in made) return `dependencies are not installed: ${made.reason.slice(0, 500)}`;
  if (made.layer === null) return 'dependencies: none to install';
  const how = made.oldPeers === true ? ' with --legacy-peer-deps, since npm finds their peers at odds' : '';
  return `dependencies: installed${how}; nothing more can be added`;
}
