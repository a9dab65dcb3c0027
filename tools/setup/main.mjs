// Set-up: makes a fresh machine ready and then runs a command. Node built-ins only, since it runs before any package
// is there, and plain JavaScript, since it runs on the machine's own Node (20 or later). README: "Two commands".

import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ensureChromium } from './chromium.mjs';
import { ensureCompose, ensureComposeImages } from './compose.mjs';
import { consoleBuilt, ensureConsole } from './console.mjs';
import { ensureEngine, findEngine, imageId } from './engine.mjs';
import { ensureImage } from './image.mjs';
import { recipe } from './image-recipe.mjs';
import { alone } from './lock.mjs';
import { ensurePackages, packagesMatch, pinnedNode, provePinnedNode } from './packages.mjs';
import { endPrograms } from './program.mjs';
import { ensureRedis } from './redis.mjs';
import { duration, messageOf, SetupError, say, step } from './report.mjs';
import { COMMANDS, runCommand } from './then.mjs';

const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const STAMP = join(ROOT, 'node_modules/.millwright-setup.json');
const USAGE = `Usage: node tools/setup/main.mjs [--yes] [--then ${Object.keys(COMMANDS).join('|')}] [-- ARGUMENTS]

Makes this machine ready: packages, Node 24, a Docker Engine, the sandbox image. Costs nothing when all is there.
  --yes    install system packages without asking
  --then   run this afterwards, with ARGUMENTS`;

/** @param {string[]} argv @returns {{ command: string | null, rest: string[], yes: boolean, help: boolean } | { wrong: string }} */
function parse(argv) {
  const asked = {
    command: /** @type {string | null} */ (null),
    rest: /** @type {string[]} */ ([]),
    yes: false,
    help: false,
  };
  for (let at = 0; at < argv.length; at += 1) {
    const word = argv[at] ?? '';
    if (word === '--') {
      asked.rest = argv.slice(at + 1);
      break;
    }
    if (word === '--yes' || word === '-y') asked.yes = true;
    else if (asked.command !== null)
      asked.rest.push(word); // `npm run demo -- --x` appends to the script's own words
    else if (word === '--help' || word === '-h') asked.help = true;
    else if (word === '--then') {
      at += 1;
      asked.command = argv[at] ?? '';
      if (!(asked.command in COMMANDS))
        return { wrong: `--then takes one of ${Object.keys(COMMANDS).join(', ')}` };
    } else return { wrong: `unknown: ${word}` };
  }
  return asked;
}

/** What a set-up left, read by the `millwright` launcher and the CLI. @returns {{ image?: string, node?: string, proved?: string }} */
function readStamp() {
  try {
    const stamp = JSON.parse(readFileSync(STAMP, 'utf8'));
    return typeof stamp === 'object' && stamp !== null ? stamp : {};
  } catch (error) {
    if (
      error instanceof SyntaxError ||
      (error instanceof Error && 'code' in error && error.code === 'ENOENT')
    )
      return {};
    throw error;
  }
}

/** @param {string} text @throws {SetupError} the checkout is not this user's */
function writeStamp(text) {
  try {
    writeFileSync(STAMP, text);
  } catch (error) {
    throw new SetupError(
      `${STAMP} cannot be written: ${messageOf(error)}`,
      'use a checkout that this user may write to, and run the command there',
    );
  }
}

/** Whether nothing is missing, so that no lock is needed. */
async function complete() {
  if (!packagesMatch(ROOT) || !consoleBuilt(ROOT)) return false;
  const { engine } = await findEngine();
  if (engine === null) return false;
  return (await imageId(engine, `millwright/sandbox:${recipe(pinnedNode(ROOT)).key}`)) !== null;
}

/** @param {import('./debian.mjs').Consent} consent */
async function ready(consent) {
  await step('packages', () => ensurePackages(ROOT));
  const node = await step('node', async () => {
    const pinned = pinnedNode(ROOT);
    if (readStamp().proved !== `${pinned.path} ${pinned.version}`) await provePinnedNode(pinned);
    return { value: pinned, outcome: pinned.version };
  });
  await step('console', () => ensureConsole(ROOT, node));
  const engine = await step('engine', () => ensureEngine(consent));
  const image = await step('image', () => ensureImage(engine, node, consent));
  const stamp = { image, node: node.path, proved: `${node.path} ${node.version}`, dockerHost: engine.host };
  if (JSON.stringify(readStamp()) !== JSON.stringify(stamp)) writeStamp(`${JSON.stringify(stamp)}\n`);
  return { node, engine, image };
}

async function main() {
  const asked = parse(process.argv.slice(2));
  if ('wrong' in asked) {
    say(`${asked.wrong}\n\n${USAGE}`);
    return 2;
  }
  if (asked.help) {
    process.stdout.write(`${USAGE}\n`);
    return 0;
  }
  const from = performance.now();
  const consent = { assumeYes: asked.yes };
  const interrupted = () => {
    void endPrograms().then(() => process.exit(130));
  };
  process.once('SIGINT', interrupted);
  process.once('SIGTERM', interrupted);
  say('Set-up');
  const { node, engine, image } = (await complete())
    ? await ready(consent)
    : await alone(() => ready(consent));
  const wantsRedis = asked.command?.startsWith('test');
  const chromium = asked.command === 'test' ? await step('chromium', () => ensureChromium(consent)) : null;
  const redis = wantsRedis ? await step('redis', () => ensureRedis(consent)) : null;
  const wantsCompose = asked.command === 'test' || asked.command === 'compose:init';
  const compose = wantsCompose ? await step('compose', () => ensureCompose(consent)) : null;
  const images = wantsCompose ? await step('images', () => ensureComposeImages(engine, node, consent)) : {};
  say(`  ready in ${duration(performance.now() - from)}\n`);
  process.removeListener('SIGINT', interrupted);
  process.removeListener('SIGTERM', interrupted);
  if (asked.command === null) return 0;
  const env = {
    MILLWRIGHT_SANDBOX_IMAGE: image,
    ...(engine.host === 'unix:///var/run/docker.sock' ? {} : { DOCKER_HOST: engine.host }),
    ...(redis === null ? {} : { REDIS_URL: redis.url }),
    ...(chromium === null ? {} : { CHROMIUM: chromium }),
    ...(compose === null ? {} : { COMPOSE: compose.join(' ') }),
    ...images,
  };
  try {
    return await runCommand(ROOT, { name: asked.command, args: asked.rest, node: node.path, env });
  } finally {
    await redis?.end();
  }
}

try {
  process.exitCode = await main();
} catch (error) {
  await endPrograms();
  if (error instanceof SetupError) {
    if (error.detail !== '') say(error.detail.replace(/^/gm, '    | '));
    say(`\nSet-up stopped: ${error.message}.\nNext: ${error.next}`);
  } else {
    say(
      `\nSet-up stopped by a fault of its own: ${error instanceof Error ? (error.stack ?? messageOf(error)) : messageOf(error)}`,
    );
  }
  process.exitCode = 1;
}
