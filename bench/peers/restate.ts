import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import {
  createServer as createHttp2Server,
  type Http2ServerRequest,
  type Http2ServerResponse,
} from 'node:http2';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { spreadOf, timed } from '../row.ts';
import { peer } from './install.ts';

// Invocations of a Restate service, with its server as it comes, on loopback. argv: the folder it is installed in, steps in an invocation,
// invocations.

type Context = { run(name: string, work: () => Promise<number>): Promise<number> };
type Sdk = {
  service(service: { name: string; handlers: object }): object;
  createEndpointHandler(options: {
    services: object[];
    logger: () => void;
  }): (request: Http2ServerRequest, response: Http2ServerResponse) => void;
};

const [folder = '', steps = '5', times = '10'] = process.argv.slice(2);
const WARM = 3;
const START_MS = 30_000;
const inside: number[] = [];

const handlers = {
  steps: async (context: Context) => {
    const from = performance.now();
    for (let nth = 0; nth < Number(steps); nth += 1) await context.run(`step ${nth}`, async () => nth);
    inside.push(performance.now() - from);
  },
};
const sdk = (await peer(folder, '@restatedev/restate-sdk')) as Sdk;
const services = [sdk.service({ name: 'bench', handlers })];
const endpoint = createHttp2Server(sdk.createEndpointHandler({ services, logger: () => undefined }));
endpoint.listen(0, '127.0.0.1');
await once(endpoint, 'listening');

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  await new Promise((closed) => server.close(closed));
  return port;
}

const data = mkdtempSync(join(folder, 'data-'));
const [ingress, admin, node] = [await freePort(), await freePort(), await freePort()];
const binary = join(
  folder,
  'node_modules/@restatedev',
  `restate-server-${process.platform}-${process.arch}`,
  'bin/restate-server',
);
const server = spawn(binary, ['--base-dir', data, '--node-name', 'bench', '--listen-mode', 'tcp'], {
  stdio: 'ignore',
  env: {
    ...process.env,
    RESTATE_DISABLE_TELEMETRY: 'true',
    RESTATE_BIND_ADDRESS: `127.0.0.1:${node}`,
    RESTATE_INGRESS__BIND_ADDRESS: `127.0.0.1:${ingress}`,
    RESTATE_ADMIN__BIND_ADDRESS: `127.0.0.1:${admin}`,
  },
});
const ended = once(server, 'close');

async function post(url: string, body?: object): Promise<void> {
  const answer = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: body === undefined ? null : JSON.stringify(body),
  });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${url}: ${answer.status} ${text}`);
}

async function register(): Promise<void> {
  const { port } = endpoint.address() as AddressInfo;
  for (const until = Date.now() + START_MS; ; await sleep(100))
    try {
      return await post(`http://127.0.0.1:${admin}/deployments`, { uri: `http://127.0.0.1:${port}` });
    } catch (error) {
      if (Date.now() > until) throw error;
    }
}

try {
  await register();
  const whole = await timed(Number(times), WARM, () => post(`http://127.0.0.1:${ingress}/bench/steps`));
  const result = { inside: spreadOf(inside.slice(WARM)), whole: spreadOf(whole) };
  process.stdout.write(`${JSON.stringify(result)}\n`);
} finally {
  server.kill('SIGTERM');
  await ended;
  endpoint.close();
  rmSync(data, { recursive: true, force: true });
}
process.exit();
