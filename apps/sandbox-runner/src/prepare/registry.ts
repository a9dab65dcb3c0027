import { execFile } from 'node:child_process';
import { access } from 'node:fs/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Where packages come from, as this machine's own npm has it. */
export type Registry = {
  url: URL;
  /** The host's CA bundle, for a container whose image has none or lacks a private authority; null when the host has none. */
  caFile: string | null;
};

const SYSTEM_BUNDLES = [
  '/etc/ssl/certs/ca-certificates.crt',
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/ssl/cert.pem',
];

/** Asks npm, outside any repository, so that no `.npmrc` of one has a say. Throws when npm is not there or names no http(s) registry. */
export async function hostRegistry(env: NodeJS.ProcessEnv): Promise<Registry> {
  const { stdout } = await run('npm', ['config', 'get', 'registry', 'cafile'], {
    ...{ cwd: '/', env, timeout: 30_000 },
  });
  // Of several keys npm says `key=value`, a line each.
  const said = (key: string) => {
    const value = new RegExp(`^${key}=(.*)$`, 'm').exec(stdout)?.[1]?.trim() ?? '';
    return ['', 'null', 'undefined'].includes(value) ? null : value;
  };
  const [registry, cafile] = [said('registry'), said('cafile')];
  const url = URL.parse(registry ?? '');
  if (url === null || !['http:', 'https:'].includes(url.protocol))
    throw new Error(`npm names no registry that can be reached (\`npm config get registry\`): ${registry}`);
  const candidates = [cafile, env.NODE_EXTRA_CA_CERTS, ...SYSTEM_BUNDLES];
  for (const file of candidates)
    if (file !== null && file !== undefined && (await readable(file))) return { url, caFile: file };
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
