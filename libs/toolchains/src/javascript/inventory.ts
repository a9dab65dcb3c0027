import type { Inventory } from '../toolchain.ts';
import { quote } from './command.ts';

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

export const PROGRAMS = 'node_modules/.bin';

export const inventory: Inventory = {
  script: `command -v node >/dev/null && node -e ${quote(SCRIPTS)} 2>/dev/null`,
  read(output) {
    const after = (word: string) =>
      output.find((line) => line.startsWith(`${word} `))?.slice(word.length + 1) ?? '';
    const versions = ['node', 'npm'].map((name) => `${name} ${after(name)}`);
    return {
      versions: versions.filter((one) => / \S/.test(one)),
      lines: [
        after('scripts') === '' ? '' : `package.json scripts: ${after('scripts').slice(0, 300)}`,
        after('around') === '' ? '' : `npm test is ${after('around').slice(0, 400)}`,
        after('absent') === ''
          ? ''
          : `called by its scripts, and not there: ${after('absent').slice(0, 200)}`,
      ],
    };
  },
};
