import autocannon from 'autocannon';

// Steady load on an address until SIGTERM; then one line of JSON: what failed, and when. In a process of its own, so that what it measures does not
// wait for who measures, and so that it can live in another network namespace. Its pace is the service's 20 ms an answer.

const [url = '', connections = '8'] = process.argv.slice(2);
const failed: number[] = [];
let sent = 0;
const note = (bad: boolean) => {
  sent += 1;
  if (bad) failed.push(Date.now());
};
const running = autocannon({ url, connections: Number(connections), duration: 600, timeout: 5 }, () => {
  process.stdout.write(
    `${JSON.stringify({ sent, failed: failed.length, first: failed[0] ?? null, last: failed.at(-1) ?? null })}\n`,
  );
  process.exit(0);
});
running.on('response', (_client, status) => note(status >= 400));
running.on('reqError', () => note(true));
process.on('SIGTERM', () => running.stop());
// Told once requests are answered, so that nothing begins before users are there.
running.once('response', () => process.stdout.write('there\n'));
