import autocannon from 'autocannon';

/**
 * Load on the exposed port, GET and POST by turns, until `stop`, which tells what was seen. Its pace is the service's 20 ms an
 * answer: autocannon's own rate limit sends everything at the start of each second, and a switch would fall into the pause.
 */
export function load(port: number, connections = 8): { stop(): Promise<{ sent: number; failed: number }> } {
  let tell: (result: autocannon.Result) => void = () => {};
  const ended = new Promise<autocannon.Result>((resolve) => {
    tell = resolve;
  });
  const options: autocannon.Options = {
    url: `http://127.0.0.1:${port}`,
    connections,
    duration: 600,
    timeout: 30,
    requests: [
      { method: 'GET', path: '/' },
      { method: 'POST', path: '/', body: 'x' },
    ],
  };
  const running = autocannon(options, (_error, result) => tell(result));
  return {
    async stop() {
      running.stop();
      const result = await ended;
      return { sent: result.requests.total, failed: result.errors + result.timeouts + result.non2xx };
    },
  };
}
