import { nextOf } from '../acts.ts';
import { type Context, show } from '../context.ts';
import { Fail } from '../fail.ts';
import { exitWith } from '../finish.ts';
import { type Check, doctorLines } from '../views/setup.ts';
import { localChecks, modelCheck } from './local-checks.ts';

/** What this machine can be asked alone, then what the factory says. Works, and says what to do, without a factory too. */
export async function doctor(context: Context): Promise<void> {
  const lines: Check[] = await localChecks();
  let code = 0;
  try {
    const { value } = await context.client.call('doctor');
    lines.push({ id: 'factory', ok: true, text: `answers at ${context.client.url}`, fix: null });
    lines.push(...value.map((line) => ({ ...line, fix: line.fix && (nextOf(line.fix) ?? null) })));
  } catch (error) {
    if (!(error instanceof Fail)) throw error;
    code = error.problem.exitCode;
    const factory = {
      id: 'factory',
      ok: false,
      text: error.problem.message,
      fix: error.problem.next ?? null,
    };
    lines.push(modelCheck(), factory);
  }
  show(context, lines, () => doctorLines(context.look, lines));
  exitWith(code !== 0 ? code : lines.every((line) => line.ok) ? 0 : 1);
}
