// Runs inside a prepare container, by the image's own node: a loopback port that leads to the proxy's socket, then the command.
// usage: node forward.mjs SOCKET PORT COMMAND
import { spawn } from 'node:child_process';
import { connect, createServer } from 'node:net';

const [socket, port, command] = process.argv.slice(2);
const server = createServer((client) => {
  const upstream = connect(socket);
  client.pipe(upstream).pipe(client);
  client.on('error', () => upstream.destroy());
  upstream.on('error', () => client.destroy());
});
server.listen(Number(port), '127.0.0.1', () => {
  const child = spawn('/bin/sh', ['-c', command], { stdio: 'inherit' });
  child.on('error', () => process.exit(126));
  child.on('exit', (code) => process.exit(code ?? 137));
});
