import { canInstall, install, whyNot } from './debian.mjs';
import { find } from './program.mjs';
import { SetupError } from './report.mjs';

/**
 * A Chromium for the tests that run in a browser: the one at CHROMIUM, else the one in PATH, else Debian's.
 * @param {import('./debian.mjs').Consent} consent
 * @returns {Promise<{ value: string, outcome: string }>} the program's path
 * @throws {SetupError} none to be had
 */
export async function ensureChromium(consent) {
  const given = process.env.CHROMIUM;
  if (given !== undefined && given !== '') return { value: given, outcome: 'the one at CHROMIUM' };
  const there = find('chromium') ?? find('chromium-browser') ?? find('google-chrome');
  if (there !== null) return { value: there, outcome: there };
  if (!canInstall())
    throw new SetupError(
      `the tests need a Chromium, and it cannot be installed from here: ${whyNot()}`,
      'install chromium so that it is in PATH, or set CHROMIUM to its program, and run the command again',
    );
  await install(['chromium'], 'a browser, for the tests', consent);
  const path = find('chromium');
  if (path === null)
    throw new SetupError('chromium is not in PATH after its installation', 'apt-get install chromium');
  return { value: path, outcome: `${path}, installed from Debian` };
}
