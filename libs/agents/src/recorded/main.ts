import { parseArgs } from 'node:util';
import { answersByHand } from './by-hand.ts';
import { startRecorder } from './record.ts';
import { loadScripts } from './script.ts';
import { startRecorded } from './server.ts';

// The recorded model as a process. `--scripts DIR` replays; `--by-hand DIR` takes answers from files; `--record FILE --upstream URL` passes requests on and writes them down.
// Its first line on stdout says where it listens; it ends on SIGTERM or SIGINT.

const USAGE = `usage: main.ts --scripts DIR [--port N] [--host ADDRESS] [--log FILE] [--key KEY]
       main.ts --by-hand DIR [--port N] [--log FILE] [--key KEY]
       main.ts --record FILE --upstream URL [--port N]`;

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      scripts: { type: 'string' },
      port: { type: 'string', default: '0' },
      host: { type: 'string', default: '127.0.0.1' },
      log: { type: 'string' },
      key: { type: 'string' },
      'by-hand': { type: 'string' },
      record: { type: 'string' },
      upstream: { type: 'string' },
    },
  });
  const port = Number(values.port);
  if (!Number.isInteger(port) || port < 0 || port > 65_535)
    throw new Error(`--port ${values.port} is not a port`);
  const server = await start(values, port);
  process.stdout.write(`recorded model listening on ${server.url}\n`);
  await new Promise<void>((resolve) => {
    process.once('SIGTERM', () => resolve());
    process.once('SIGINT', () => resolve());
  });
  await server.close();
  return 0;
}

async function start(
  values: {
    scripts?: string | undefined;
    log?: string | undefined;
    key?: string | undefined;
    'by-hand'?: string | undefined;
    record?: string | undefined;
    host: string;
    upstream?: string | undefined;
  },
  port: number,
): Promise<{ url: string; close(): Promise<void> }> {
  if (values.record !== undefined && values.upstream !== undefined)
    return startRecorder({
      file: values.record,
      upstream: values.upstream,
      apiKey: process.env.ANTHROPIC_API_KEY ?? null,
      port,
    });
  const common = { port, host: values.host, logFile: values.log ?? null, key: values.key ?? null };
  const folder = values['by-hand'];
  if (folder !== undefined) {
    const say = (line: string) => process.stdout.write(`${line}\n`);
    return startRecorded({ ...common, conversations: [], byHand: answersByHand(folder, say) });
  }
  if (values.scripts === undefined) throw new Error(USAGE);
  const conversations = loadScripts(values.scripts);
  if (conversations.length === 0) throw new Error(`${values.scripts} holds no conversations (*.yaml)`);
  return startRecorded({ ...common, conversations });
}

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    process.stderr.write(`recorded model: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(2);
  },
);
