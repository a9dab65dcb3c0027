import { finish } from '../../finish.ts';
import { startFactory } from '../factory.ts';

// `up` with stand-ins for the apps, as a process that a test may kill: node up.ts DATA PORT [ORCHESTRATOR]
const [data = '', port = '0', orchestrator = 'apps/cli/src/up/testing/orchestrator.ts'] =
  process.argv.slice(2);
const say = (event: object) => process.stdout.write(`${JSON.stringify(event)}\n`);

process.exitCode = await finish(async () => {
  const asked = new Promise((resolve) => process.once('SIGTERM', resolve));
  const broken = Promise.withResolvers<string>();
  const factory = await startFactory({
    data,
    port: Number(port),
    recorded: null,
    env: { ...process.env, MILLWRIGHT_SANDBOX_IMAGE: 'none' },
    programs: {
      migrate: 'apps/cli/src/up/testing/migrate.ts',
      recorded: 'none',
      orchestrator,
      runner: 'apps/cli/src/up/testing/runner.ts',
    },
    step: (name, said) => say({ step: name, said }),
    restarting: ({ name }) => say({ restarting: name }),
    unasked: (found) => say({ unasked: found }),
    gaveUp: broken.resolve,
  });
  say({ ready: factory.url });
  const why = await Promise.race([asked, broken.promise]);
  if (typeof why === 'string') say({ gaveUp: why });
  await factory.stop(new AbortController().signal);
  say({ stopped: true });
});
