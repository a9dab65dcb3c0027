import { CommanderError } from 'commander';
import { Fail, fileTrouble } from './fail.ts';
import { lookOf } from './text/look.ts';
import { jsonText, paragraphs } from './text/plain.ts';
import { hang } from './text/width.ts';

/** Exit code: the trail does not verify. */
export const DOES_NOT_VERIFY = 7;

const codes = { value: 0 };

/** A command that worked, but whose answer is not "done as asked" (a run that failed, a gate that denied): its exit code. */
export const exitWith = (code: number): void => {
  codes.value = code;
};

function explain(error: Fail, json: boolean): string {
  const { problem } = error;
  if (json) return jsonText({ error: problem });
  const { colour, symbol, columns } = lookOf(process.stderr, process.env);
  return [
    ...hang(`${colour.red(symbol.failed)} `, paragraphs(problem.message), columns),
    ...(problem.kept === undefined
      ? []
      : hang(`${colour.dim('  kept:')} `, paragraphs(problem.kept), columns)),
    ...(problem.next === undefined
      ? []
      : hang(`${colour.dim('  next:')} `, paragraphs(problem.next), columns)),
  ].join('\n');
}

/** Runs a command and answers with the process's exit code. Problems go to stderr: a sentence, what was kept, the next command. */
export async function finish(run: () => Promise<unknown>): Promise<number> {
  try {
    await run();
    return codes.value;
  } catch (error) {
    // Commander has written its own message by now. Help and version asked for are no failure; everything else is a wrong command line.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    if (error instanceof Fail) {
      process.stderr.write(`${explain(error, process.argv.includes('--json'))}\n`);
      return error.problem.exitCode;
    }
    const file = fileTrouble(error);
    if (file !== null) {
      process.stderr.write(`${explain(file, process.argv.includes('--json'))}\n`);
      return file.problem.exitCode;
    }
    process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
    process.stderr.write('This is a fault of the CLI itself; nothing else was done.\n');
    return 1;
  }
}
