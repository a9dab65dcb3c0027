import { Agent, get } from 'node:http';

// One request every so many milliseconds on an address until SIGTERM; then one line of JSON: how many were answered with that status, and when.
// Evenly, since users of a pace that come in bursts would not see when something ends.

const [url = '', status = '', every = ''] = process.argv.slice(2);
const agent = new Agent({ keepAlive: true });
const seen: number[] = [];
let [sent, there] = [0, false];
const asking = setInterval(() => {
  sent += 1;
  const request = get(url, { agent, timeout: 5_000 }, (response) => {
    response.resume();
    if (!there) process.stdout.write('there\n');
    there = true;
    if (response.statusCode === Number(status)) seen.push(Date.now());
  });
  request.once('timeout', () => request.destroy());
  request.once('error', (error) => process.stderr.write(`${error.message}\n`));
}, Number(every));
process.on('SIGTERM', () => {
  clearInterval(asking);
  agent.destroy();
  process.stdout.write(
    `${JSON.stringify({ sent, failed: seen.length, first: seen[0] ?? null, last: seen.at(-1) ?? null })}\n`,
    () => process.exit(0),
  );
});
