import { createServer, type Server, type ServerResponse } from 'node:http';
import { afterEach, expect, it } from 'vitest';
import { clientOf } from '../client.ts';
import { run } from '../testing/views.ts';
import { runViews } from './events.ts';

let server: Server;

async function follow(
  answer: (response: ServerResponse, connection: number) => void,
  patience: { quietMs: number; awayMs: number },
) {
  let connections = 0;
  server = createServer((_, response) => {
    connections += 1;
    answer(response, connections);
  }).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const address = server.address();
  const url = `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`;
  const client = clientOf({ url, token: null, from: 'test', data: '' });
  const states: string[] = [];
  for await (const seen of runViews(client, 'run_1', new AbortController().signal, patience))
    states.push(seen.run.state);
  return { states, connections: () => connections };
}
const send = (response: ServerResponse, view: unknown) => {
  if (!response.headersSent) response.writeHead(200, { 'content-type': 'text/event-stream' });
  response.write(`event: run\ndata: ${JSON.stringify(view)}\n\n`);
};

afterEach(() => {
  server.closeAllConnections();
  server.close();
});

it('asks anew over streams that are silent far longer than a lost factory may stay away, and says nothing twice', async () => {
  const { states, connections } = await follow(
    (response, connection) => send(response, connection < 5 ? run() : run({ state: 'done', endedAt: 1 })),
    { quietMs: 800, awayMs: 2_400 },
  );
  expect(states).toEqual(['running', 'done']);
  expect(connections()).toBe(5);
});

it('gives up on a factory that stays away, with the reason', async () => {
  const following = follow(
    (response, connection) => {
      if (connection > 1) return response.destroy();
      send(response, run());
      setTimeout(() => response.destroy(), 20);
    },
    { quietMs: 1_000, awayMs: 300 },
  );
  await expect(following).rejects.toMatchObject({ problem: { code: 'unreachable', exitCode: 3 } });
});

it('goes on watching a run that is halted, since it is not at its end', async () => {
  const stop = {
    by: 'Ada',
    reason: 'the factory is halted by Ada: look',
    at: 1,
    next: { act: 'resume' as const, scope: { kind: 'factory' as const } },
  };
  const { states } = await follow(
    (response) => {
      send(response, run({ state: 'halted', stop }));
      send(response, run());
      send(response, run({ state: 'done', endedAt: 1 }));
    },
    { quietMs: 20_000, awayMs: 2_400 },
  );
  expect(states).toEqual(['halted', 'running', 'done']);
});
