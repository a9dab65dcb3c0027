import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Digest } from '@millwright/domain';

/** How the tiny service behaves, `after` ms from its start. An answer takes 20 ms, so that there are requests under way at any moment. */
export type Behaviour = {
  readonly version: string;
  readonly mode?: 'well' | 'unhealthy' | 'errors' | 'crash' | 'redirect' | 'mute' | 'never-listens';
  readonly after?: number;
  /** How long an answer takes. Default 20. */
  readonly delayMs?: number;
};

const SERVER = (behaviour: Behaviour) => `
const { version, mode = 'well', after = 0, delayMs = 20 } = ${JSON.stringify(behaviour)};
const start = Date.now();
const bad = (kind) => mode === kind && Date.now() - start >= after;
console.log('service', version, mode, process.env.SECRET ?? '', process.env.GREETING ?? '');
process.on('SIGTERM', () => server.close(() => process.exit(0)));
if (mode === 'crash') setTimeout(() => { console.error('boom of', version); process.exit(3); }, after);
const server = require('node:http').createServer((request, response) => {
  if (request.url === '/healthz') {
    if (bad('mute')) return;
    if (bad('redirect')) return response.writeHead(302, { location: '/login' }).end();
    return response.writeHead(bad('unhealthy') ? 503 : 200).end(version);
  }
  if (request.url === '/write') require('node:fs').writeFileSync('/var/lib/shop/' + version, version);
  if (request.url === '/read') return response.end(require('node:fs').readdirSync('/var/lib/shop').join());
  setTimeout(() => response.writeHead(bad('errors') ? 500 : 200, { 'x-version': version }).end(version), delayMs);
});
if (mode === 'never-listens') setInterval(() => {}, 1000); else server.listen(process.env.PORT);
`;

/** A release's layer: the tar of its /app, and its digest. */
export async function layerOf(behaviour: Behaviour): Promise<{ bytes: Uint8Array; digest: Digest }> {
  const folder = await mkdtemp(join(tmpdir(), 'mw-layer-'));
  try {
    await writeFile(join(folder, 'server.js'), SERVER(behaviour));
    const tar = `${folder}.tar`;
    await promisify(execFile)('tar', ['-C', folder, '--sort=name', '--mtime=@0', '-cf', tar, '.']);
    const bytes = await readFile(tar);
    await rm(tar);
    return { bytes, digest: Digest.parse(`sha256:${createHash('sha256').update(bytes).digest('hex')}`) };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
