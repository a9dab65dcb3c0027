import { createServer } from 'node:http';

// Stands in for the orchestrator in tests of the life cycle: healthy, and it shows its environment.
createServer((request, response) => {
  response.end(request.url === '/env' ? JSON.stringify(process.env) : '{"ok":true}');
}).listen(Number(process.env.PORT), '127.0.0.1');
process.on('SIGTERM', () => process.exit(0));
