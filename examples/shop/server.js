import { createApp } from './src/app.js';
import { openDatabase } from './src/database.js';
import { listen } from './src/listen.js';

// The one place that reads the environment. PORT 0 takes a free port; the first line on stdout says which.

const database = openDatabase(process.env.SHOP_DB ?? ':memory:');
const server = await listen(createApp({ database }), Number(process.env.PORT ?? 8080));
console.log(JSON.stringify({ event: 'listening', port: server.port }));

async function stop(signal) {
  console.log(JSON.stringify({ event: 'stopping', signal }));
  await server.close();
  database.close();
}
process.once('SIGTERM', stop);
process.once('SIGINT', stop);
