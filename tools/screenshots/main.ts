// `npm run screenshots`: the README's pictures, from the demo's factory as it is when its tickets have ended. `--at URL --token FILE` takes them of a
// factory that is there. Writes docs/pictures; leaves nothing running.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { chromium, type Page } from 'playwright';

const DESK = { width: 1280, height: 760 };
const PHONE = { width: 390, height: 760 };

type Picture = { name: string; size: typeof DESK; take: (page: Page) => Promise<unknown> };
const PICTURES: readonly Picture[] = [
  {
    name: 'home',
    size: DESK,
    take: (page) =>
      page
        .getByRole('button', { name: /^Roll back/ })
        .first()
        .waitFor(),
  },
  {
    name: 'run',
    size: DESK,
    take: async (page) => {
      await page.getByRole('link', { name: /search the catalogue/ }).click();
      await page.getByRole('heading', { name: 'Stages' }).waitFor();
    },
  },
  {
    name: 'rollback',
    size: PHONE,
    take: async (page) => {
      await page
        .getByRole('button', { name: /^Roll back/ })
        .first()
        .click();
      await page
        .getByRole('dialog')
        .getByText(/traffic/)
        .first()
        .waitFor();
    },
  },
];

const { values } = parseArgs({ options: { at: { type: 'string' }, token: { type: 'string' } } });

/** The demo, once its tickets have ended and it stays: its console's address, and where the token is. */
async function demo(): Promise<{ child: ChildProcess; url: string; token: string }> {
  const child = spawn(process.execPath, [new URL('../demo/main.ts', import.meta.url).pathname, '--stay'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let url: string | undefined;
  for await (const line of createInterface({ input: child.stdout })) {
    process.stdout.write(`${line}\n`);
    url ??= /with a console at (\S+)/.exec(line)?.[1];
    const token = /sign in with the token in (\S+);/.exec(line)?.[1];
    if (url !== undefined && token !== undefined) {
      child.stdout.resume();
      return { child, url, token };
    }
  }
  throw new Error('the demo ended before it could be looked at');
}

const given = values.at !== undefined && values.token !== undefined;
const shown = given ? { child: null, url: values.at as string, token: values.token as string } : await demo();
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking'],
});
try {
  for (const { name, size, take } of PICTURES) {
    const page = await browser.newPage({ viewport: size, colorScheme: 'light' });
    await page.goto(shown.url);
    await page.getByLabel('Your token').fill(readFileSync(shown.token, 'utf8').trim());
    await page.getByRole('button', { name: 'Sign in' }).click();
    await take(page);
    await page.getByText('● live').waitFor();
    await page.mouse.move(0, 0);
    await page.screenshot({ path: new URL(`../../docs/pictures/${name}.png`, import.meta.url).pathname });
    process.stdout.write(`docs/pictures/${name}.png\n`);
    await page.close();
  }
} finally {
  await browser.close();
  if (shown.child !== null && shown.child.exitCode === null) {
    shown.child.kill('SIGINT');
    await once(shown.child, 'exit');
  }
}
