import { finish } from './finish.ts';
import { program } from './program.ts';

// A reader that goes away (`millwright run list | head -1`) is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));

process.exitCode = await finish(() => program().parseAsync(process.argv));
