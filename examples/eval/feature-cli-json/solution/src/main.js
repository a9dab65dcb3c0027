import { readFileSync } from 'node:fs';
import { count } from './count.js';

const args = process.argv.slice(2);
const unknown = args.find((arg) => arg.startsWith('-') && arg !== '--json');
const file = args.find((arg) => !arg.startsWith('-'));

const fail = (message) => {
  console.error(message);
  process.exit(2);
};

function read() {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return fail(`cannot read ${file}`);
  }
}

if (unknown) fail(`unknown option ${unknown}`);
if (!file) fail('usage: main.js [--json] FILE');
const { lines, words, characters } = count(read());
console.log(
  args.includes('--json') ? JSON.stringify({ lines, words, characters }) : `${lines} ${words} ${characters}`,
);
