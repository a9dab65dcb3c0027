import { readFileSync } from 'node:fs';
import { count } from './count.js';

const [file] = process.argv.slice(2);
const { lines, words, characters } = count(readFileSync(file, 'utf8'));
console.log(`${lines} ${words} ${characters}`);
