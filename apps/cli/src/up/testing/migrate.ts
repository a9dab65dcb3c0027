import { connect } from 'node:net';
import { socketHost } from '@millwright/domain';

// Stands in for the migrations: succeeds when the server that MIGRATE_URL names answers a start-up message by asking for a SCRAM password.
const url = new URL(process.env.MIGRATE_URL ?? '');
const parameters = Buffer.from(`user\0${url.username}\0database\0${url.pathname.slice(1)}\0\0`);
const head = Buffer.alloc(8);
head.writeInt32BE(8 + parameters.length, 0);
head.writeInt32BE(196_608, 4);
const { host } = socketHost(url.href);
const socket = connect(
  host === undefined
    ? { host: url.hostname, port: Number(url.port) }
    : { path: `${host}/.s.PGSQL.${url.port}` },
);
socket.write(Buffer.concat([head, parameters]));
socket.once('data', (answer) => {
  const scram = answer.toString('latin1').startsWith('R') && answer.includes('SCRAM-SHA-256');
  process.exit(scram ? 0 : 1);
});
