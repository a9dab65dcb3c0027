import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Digest, ReleaseId } from '@millwright/domain';
import type { ReleaseRef } from '@millwright/rollback';

/** How a release of the measured service is bad, `after` ms from its start. An answer takes 20 ms. */
export type Fault = {
  name: string;
  /** Share of answers that are a 500; its health path stays well. */
  errors?: number;
  /** Its health path never answers well. */
  sick?: boolean;
  delayMs?: number;
  crash?: boolean;
  after?: number;
};

const SERVER = ({ name, errors = 0, sick = false, delayMs = 20, crash = false, after = 0 }: Fault) => `
const start = Date.now();
const bad = () => Date.now() - start >= ${after};
let nth = 0;
process.on('SIGTERM', () => server.close(() => process.exit(0)));
if (${crash}) setTimeout(() => process.exit(3), ${after});
const server = require('node:http').createServer((request, response) => {
  if (request.url === '/healthz') return response.writeHead(${sick} ? 503 : 200).end();
  // Spread evenly, and the same in each run.
  const wrong = bad() && (nth = (nth + 617) % 1000) < ${errors * 1_000};
  setTimeout(() => response.writeHead(wrong ? 500 : 200).end('${name}'), bad() ? ${delayMs} : 20);
});
server.listen(process.env.PORT || 8080);
`;

/** The service as a folder that holds `server.js`, and as a release's layer: the same bytes for both sides. */
export function service(root: string, fault: Fault): { folder: string; ref: ReleaseRef; layer: Uint8Array } {
  const folder = join(root, fault.name);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'server.js'), SERVER(fault));
  const tar = `${folder}.tar`;
  execFileSync('tar', ['-C', folder, '--sort=name', '--mtime=@0', '-cf', tar, '.']);
  const layer = readFileSync(tar);
  rmSync(tar);
  const digest = Digest.parse(`sha256:${createHash('sha256').update(layer).digest('hex')}`);
  const id = ReleaseId.parse(`rel_${fault.name.replaceAll('-', '').padEnd(8, '0')}`);
  return { folder, layer, ref: { id, layer: digest, image: IMAGE } };
}

export const IMAGE = process.env.MILLWRIGHT_SANDBOX_IMAGE ?? 'millwright/sandbox:latest';
