import { execFile } from 'node:child_process';
import { access } from 'node:fs/promises';
import { promisify } from 'node:util';
import type { Installing, Registry } from '@millwright/toolchains';

const run = promisify(execFile);

const SYSTEM_BUNDLES = [
  '/etc/ssl/certs/ca-certificates.crt',
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/ssl/cert.pem',
];

/**
 * Where packages come from, as this machine is set up; asked outside any repository, so that no file of one has a say. With the host's authorities,
 * for a container whose image has none or lacks a private one. Throws where that cannot be asked, or no http(s) registry is named.
 */
export async function hostRegistry(
  { ask: [program, ...args], read }: Installing['registry'],
  env: NodeJS.ProcessEnv,
): Promise<Registry> {
  const { stdout } = await run(program, args, { cwd: '/', env, timeout: 30_000 });
  const { url, caFiles } = read(stdout, env);
  for (const file of [...caFiles, ...SYSTEM_BUNDLES]) if (await readable(file)) return { url, caFile: file };
  return { url, caFile: null };
}

const readable = (file: string) =>
  access(file).then(
    () => true,
    () => false,
  );

/** `host:port` of a URL, the port always named. */
export const authority = (url: URL): string =>
  `${url.hostname}:${url.port === '' ? (url.protocol === 'https:' ? '443' : '80') : url.port}`;
