import { type Context, show as showData } from '../context.ts';
import { Fail, usage } from '../fail.ts';
import { parseDuration } from '../text/parse.ts';
import { oneLine } from '../text/plain.ts';
import { hang } from '../text/width.ts';
import { quarantineList } from '../views/quarantine.ts';
import { releaseList, releaseShow } from '../views/release.ts';
import { targetFrozen } from '../views/stop.ts';

type Options = Record<string, string | boolean | undefined>;

export async function list(context: Context, _args: string[], options: Options): Promise<void> {
  const { raw, value } = await context.client.call('listReleases', {
    query: { repo: options.repo as string | undefined },
  });
  showData(context, raw, () => releaseList(context.look, value, context.now()));
}

const hold = (verb: 'freeze' | 'thaw') =>
  async function held(context: Context, [target = '']: string[], options: Options): Promise<void> {
    const { raw, value } = await context.client.call(`${verb}Target`, {
      params: { repo: target },
      body: { reason: String(options.reason) },
    });
    showData(context, raw, () => targetFrozen(context.look, value, context.now()));
  };
/** As the factory takes it: a second to a day, or nothing, which lets the canary go on. */
function pauseOf(text: string): number {
  const ms = parseDuration(text, '--for');
  if (ms !== 0 && (ms < 1_000 || ms > 86_400_000))
    throw usage(`--for takes 1s to 24h, or 0s to let the canary go on; it was given "${text}"`);
  return ms;
}

const steer = (verb: 'pause' | 'promote' | 'abort') =>
  async function steered(context: Context, [target = '']: string[], options: Options): Promise<void> {
    const more = typeof options.for === 'string' ? { ms: pauseOf(options.for) } : {};
    const { raw, value } = await context.client.call(`${verb}Canary`, {
      params: { repo: target },
      body: { reason: String(options.reason), ...more },
    });
    showData(context, raw, () => hang('', `${oneLine(value.text)}.`, context.look.columns));
    if (value.state === 'under_way')
      throw new Fail({
        code: 'under_way',
        message: oneLine(value.text),
        next: './millwright rollback status',
        exitCode: 8,
      });
  };
export const pause = steer('pause');
export const promote = steer('promote');
export const abort = steer('abort');

export const freeze = hold('freeze');
export const thaw = hold('thaw');

export async function show(context: Context, [id = '']: string[]): Promise<void> {
  const { raw, value } = await context.client.call('showRelease', { params: { id } });
  showData(context, raw, () => releaseShow(context.look, value, context.now()));
}

export async function quarantine(context: Context, _args: string[], options: Options): Promise<void> {
  const { raw, value } = await context.client.all('listQuarantine', {
    query: { repo: options.repo as string | undefined },
  });
  showData(context, raw, () => quarantineList(context.look, value, context.now()));
}

export async function lift(context: Context, [id = '']: string[], options: Options): Promise<void> {
  const { raw, value } = await context.client.call('liftQuarantine', {
    params: { id },
    body: { reason: String(options.reason) },
  });
  showData(context, raw, () => [
    `${value.commit.slice(0, 10)} of ${value.release} may ship again; the gates and its canary judge it as any other.`,
  ]);
}
