import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Options } from '../connection.ts';
import { dataFolder } from '../connection.ts';
import { type Context, show } from '../context.ts';
import { Fail, usage } from '../fail.ts';

const EFFORTS = ['low', 'medium', 'high', 'xhigh', 'max'];

const numberOf = (options: Options, name: string, otherwise: number): number => {
  const given = options[name];
  if (given === undefined) return otherwise;
  const value = Number(given);
  if (typeof given !== 'string' || given.trim() === '' || !Number.isFinite(value) || value < 0)
    throw usage(`--${name} takes a number, not "${String(given)}"`, 'dollars a million tokens, or tokens');
  return value;
};

/**
 * Writes a model into `models.json` of the data folder, where the runners read it at each attempt. Another model's entry stays as it is. No
 * factory need be running.
 */
export async function add(context: Context, [name = '']: string[], options: Options): Promise<void> {
  const input = numberOf(options, 'input', 0);
  const efforts = String(options.efforts ?? '')
    .split(',')
    .map((one) => one.trim())
    .filter((one) => one !== '');
  const bad = efforts.find((one) => !EFFORTS.includes(one));
  if (bad !== undefined) throw usage(`${bad} is no effort`, `there are ${EFFORTS.join(', ')}`);
  const folder = dataFolder(options, process.env);
  const file = join(folder, 'models.json');
  const known = readModels(file);
  const model = {
    input,
    output: numberOf(options, 'output', 0),
    cacheRead: numberOf(options, 'cacheRead', input),
    context: numberOf(options, 'context', 200_000),
    maxOutput: numberOf(options, 'maxOutput', 32_000),
    thinking: options.thinking === true ? 'adaptive' : 'none',
    efforts,
  };
  mkdirSync(folder, { recursive: true });
  writeFileSync(`${file}.new`, `${JSON.stringify({ ...known, [name]: model }, null, 2)}\n`);
  renameSync(`${file}.new`, file);
  show(context, { file, name, ...model }, () => [`${name} is in ${file}; the next attempt knows it`]);
}

function readModels(file: string): object {
  if (!existsSync(file)) return {};
  try {
    const value: unknown = JSON.parse(readFileSync(file, 'utf8'));
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  throw new Fail({
    code: 'models_unreadable',
    message: `${file} is no JSON object; nothing was written`,
    next: 'mend it, or move it away and add the models again',
    exitCode: 1,
  });
}
