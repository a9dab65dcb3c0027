import { given } from './vitest-begin.mjs';

process.argv.splice(0, process.argv.length, ...given);
