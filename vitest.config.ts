import { playwright } from '@vitest/browser-playwright';
import { defineConfig } from 'vitest/config';

// A test file's suffix states its cost, and its project follows: pure (`.test.ts`), real services (`.int.test.ts`),
// the whole factory (`.e2e.test.ts`). The proof library's tests run once more in a browser, but for those that ask Node's crypto the same.
const TESTS = '{apps,libs,tools,bench}/**';
// Files share a process where they can (`isolate: false`): half the time of `unit`, an eighth of `int`'s, were programs that start and grow warm.
/** No test is judged by its time, and none has a limit of its own: what takes this long, on a machine ten times as busy as it should be too, hangs. */
const HANGS_MS = 600_000;
/** How long `expect.poll` asks again; its own second is a judgement of time. */
const polled = { poll: { timeout: 120_000 } };
const outside = ['**/node_modules/**', '**/.types/**', '**/fixtures/**'];

export default defineConfig({
  test: {
    // A row of what another test shows as well, or another way to the same end: `npm run test:long` runs those, `npm test` does not.
    tags: [{ name: 'long' }],
    projects: [
      {
        test: {
          name: 'unit',
          expect: polled,
          include: [`${TESTS}/*.test.ts`],
          exclude: [...outside, '**/*.int.test.ts', '**/*.e2e.test.ts'],
          testTimeout: HANGS_MS,
          isolate: false,
          maxWorkers: 2,
        },
      },
      {
        resolve: { conditions: ['browser', 'module'] },
        test: {
          name: 'browser',
          setupFiles: ['tools/test/browser-setup.ts'],
          include: ['libs/audit/src/proof/**/{bundle,evidence,note,range,verify-trail,witness}.test.ts'],
          testTimeout: HANGS_MS,
          browser: {
            enabled: true,
            headless: true,
            screenshotFailures: false,
            provider: playwright({
              launchOptions: {
                executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
                args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking'],
              },
            }),
            instances: [{ browser: 'chromium' }],
          },
        },
      },
      {
        test: {
          name: 'int',
          expect: polled,
          include: [`${TESTS}/*.int.test.ts`],
          exclude: outside,
          testTimeout: HANGS_MS,
          hookTimeout: HANGS_MS,
          pool: 'forks',
          isolate: false,
          // Each file may hold a Postgres of its own and containers; nx runs three packages at once.
          maxWorkers: 1,
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          name: 'e2e',
          expect: polled,
          include: [`${TESTS}/*.e2e.test.ts`],
          exclude: outside,
          testTimeout: HANGS_MS,
          hookTimeout: HANGS_MS,
          pool: 'forks',
          maxWorkers: 1,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
});
