// vitest: imported by its own vitest.mjs before the rest of it. Arguments are ours while it reads them, and the caller's again after
// (vitest-end.mjs); test files run in forks or threads, which never see them.
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

const { open } = createRequire(import.meta.url)('./session.cjs');

/** Arguments without the given options; they take the next argument unless written `--x=y`. */
function without(args, valued) {
  const kept = [];
  for (let i = 0; i < args.length; i++) {
    if (!valued.includes(args[i].split('=', 1)[0])) kept.push(args[i]);
    else if (!args[i].includes('=')) i++;
  }
  return kept;
}

export const given = [...process.argv];
const session = open('vitest');
if (session !== null) {
  const all = given.slice(2);
  const end = all.includes('--') ? all.indexOf('--') : all.length;
  // A must-fail test must not stop the others; behind the first that a fault fails there is nothing to learn.
  const bails = session.canaries ? ['--bail=0'] : session.bails ? ['--bail=1'] : [];
  const args = bails.length > 0 ? without(all.slice(0, end), ['--bail']) : all.slice(0, end);
  const reporter = fileURLToPath(new URL('./vitest-reporter.mjs', import.meta.url));
  process.argv.splice(
    2,
    all.length,
    ...args,
    ...(args.some((arg) => /^--reporters?(=|$)/.test(arg)) ? [] : ['--reporter=default']),
    `--reporter=${reporter}`,
    ...bails,
    ...all.slice(end),
  );
}
