import { readFileSync } from 'node:fs';
import { count } from './count.js';

const [file, flag] = process.argv.slice(2);
const counted = count(readFileSync(file, 'utf8'));
console.log(flag === '--json' ? JSON.stringify(counted) : Object.values(counted).join(' '));
