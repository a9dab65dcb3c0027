import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { codeOf, Fail, usage } from './fail.ts';

export type GlobalOptions = { json?: boolean; url?: string; data?: string; token?: string };

/** All that a command line gives, by name. */
export type Options = GlobalOptions & Record<string, string | boolean | undefined>;

export type Connection = {
  url: string;
  token: string | null;
  /** For messages: where the address came from. */
  from: string;
  data: string;
};

type Env = Record<string, string | undefined>;

export const DEFAULT_PORT = 4600;

/** The data folder: `--data`, else `MILLWRIGHT_DATA`, else `./.millwright`. Absolute. */
export const dataFolder = (options: GlobalOptions, env: Env): string =>
  resolve(options.data ?? (env.MILLWRIGHT_DATA || '.millwright'));

function readIfThere(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const code = codeOf(error);
    if (code === 'ENOENT' || code === 'ENOTDIR') return null;
    if (code === 'EACCES')
      throw new Fail({
        code: 'data_unreadable',
        message: `${path} may not be read by this user`,
        next: 'run as the user who started the factory, or give --url and --token',
        exitCode: 4,
      });
    throw error;
  }
}

function urlOfFactory(data: string): string | null {
  const text = readIfThere(join(data, 'factory.json'));
  if (text === null) return null;
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && 'url' in value && typeof value.url === 'string')
      return value.url;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  return null;
}

function checked(url: string, from: string): string {
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol))
    throw usage(`${from} is no http address: "${url}"`, `use one such as http://127.0.0.1:${DEFAULT_PORT}`);
  return url.replace(/\/+$/, '');
}

/** Finds the factory as docs/commands.md says: the address that was given, else what `up` wrote, else the default port; the token likewise. */
export function findFactory(options: GlobalOptions, env: Env): Connection {
  const data = dataFolder(options, env);
  const token =
    options.token ?? (env.MILLWRIGHT_TOKEN || null) ?? readIfThere(join(data, 'token'))?.trim() ?? null;
  if (options.url !== undefined) return { url: checked(options.url, '--url'), token, from: '--url', data };
  if (env.MILLWRIGHT_URL)
    return { url: checked(env.MILLWRIGHT_URL, 'MILLWRIGHT_URL'), token, from: 'MILLWRIGHT_URL', data };
  const written = urlOfFactory(data);
  if (written !== null)
    return {
      url: checked(written, join(data, 'factory.json')),
      token,
      from: join(data, 'factory.json'),
      data,
    };
  const from = existsSync(data)
    ? `the default port; no factory runs on ${data}`
    : `the default port; there is no ${data}`;
  return { url: `http://127.0.0.1:${DEFAULT_PORT}`, token, from, data };
}
