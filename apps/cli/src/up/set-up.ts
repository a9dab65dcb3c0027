import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { codeOf } from '../fail.ts';
import { ROOT } from './root.ts';

type Env = Record<string, string | undefined>;
export type SetUp = { image: string | undefined; dockerHost: string | undefined };

/** What `npm run setup` left: the sandbox image's name and where the engine is. The environment wins. */
export function setUp(env: Env): SetUp {
  let stamp: Partial<Record<'image' | 'dockerHost', unknown>> = {};
  try {
    const value: unknown = JSON.parse(
      readFileSync(join(ROOT, 'node_modules', '.millwright-setup.json'), 'utf8'),
    );
    if (typeof value === 'object' && value !== null) stamp = value;
  } catch (error) {
    if (!(error instanceof SyntaxError) && codeOf(error) !== 'ENOENT') throw error;
  }
  const text = (value: unknown) => (typeof value === 'string' && value !== '' ? value : undefined);
  return {
    image: text(env.MILLWRIGHT_SANDBOX_IMAGE) ?? text(stamp.image),
    dockerHost: text(env.DOCKER_HOST) ?? text(stamp.dockerHost),
  };
}
