import axe, { type AxeResults } from 'axe-core';
import type { FastifyInstance } from 'fastify';
import { type Browser, chromium, type Page } from 'playwright-core';

/** A patient browser: no test is judged by its time. */
const PATIENCE_MS = 120_000;

/** A person with the console open, in a real browser, on an orchestrator that listens on a port of its own. */
export type Person = {
  page: Page;
  /** What a page may not do: break its policy, throw, log an error, or ask anything of anywhere else. */
  faults: string[];
  /** What keeps people out who do not see, hear or point as others do: axe-core's findings on the page as it is, in the light and in the dark. */
  barriers(): Promise<string[]>;
  close(): Promise<void>;
};

/** Signs in as whoever has the token, at the size of a phone or a desk. Needs the built console: `npm run setup`. */
export async function consoleOn(
  app: FastifyInstance,
  token: string,
  size: { width: number; height: number },
): Promise<Person> {
  const url = await app.listen({ host: '127.0.0.1', port: 0 });
  const browser: Browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking'],
  });
  const page = await browser.newPage({ viewport: size });
  page.setDefaultTimeout(PATIENCE_MS);
  const faults: string[] = [];
  page.on('pageerror', (error) => faults.push(String(error)));
  page.on('console', (line) => {
    if (line.type() === 'error') faults.push(line.text());
  });
  page.on('request', (request) => {
    if (!request.url().startsWith(url)) faults.push(`asked ${request.url()}`);
  });
  await page.goto(url);
  await page.getByLabel('Your token').fill(token);
  await page.getByRole('button', { name: 'Sign in' }).click();
  const barriers = async () => {
    const found: string[] = [];
    await page.evaluate(axe.source);
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme });
      // In the dark all but its colours is the same.
      const { violations } = await page.evaluate<AxeResults>(
        colorScheme === 'light' ? 'axe.run()' : "axe.run({ runOnly: ['color-contrast'] })",
      );
      for (const { id, nodes } of violations)
        for (const { html } of nodes)
          found.push(`${new URL(page.url()).pathname}, ${colorScheme}: ${id}: ${html.slice(0, 200)}`);
    }
    return found;
  };
  return { page, faults, barriers, close: () => browser.close() };
}
