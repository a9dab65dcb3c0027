import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

// Stands in for the runner: writes down its environment and stays.
writeFileSync(join(process.env.MILLWRIGHT_DATA ?? '.', 'runner-env.json'), JSON.stringify(process.env));
setInterval(() => undefined, 60_000);
process.on('SIGTERM', () => process.exit(0));
