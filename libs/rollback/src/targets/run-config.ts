import { type Failure, failure } from '../outcome.ts';
import type { RunConfig } from './target.ts';

/** What is missing before anything can be run, or null. */
export function checkRun({ config, secrets, replicas }: RunConfig): Failure | null {
  const missing = config.secrets.filter((name) => secrets[name] === undefined);
  if (config.target === 'git')
    return failure('bad_config', 'deploy.target is git: the merge is the release, nothing is deployed');
  if (config.target === 'docker')
    for (const key of ['start', 'port', 'expose'] as const)
      if (config[key] === undefined) return failure('bad_config', `millwright.yaml has no deploy.${key}`);
  if (config.target === 'command' && config.commands === undefined)
    return failure(
      'bad_config',
      'millwright.yaml has no deploy.commands: deploy, activate, status and rollback',
    );
  const path = config.checks.find((check) => 'http' in check && check.http.startsWith('/'));
  if (config.target === 'command' && path !== undefined && 'http' in path)
    return failure(
      'bad_config',
      `deploy.checks asks ${path.http}, but where a command target's release answers is not known: give the whole address, such as https://shop.example${path.http}`,
    );
  if (config.target === 'command' && config.secrets.length > 1)
    return failure(
      'bad_config',
      `deploy.secrets names ${config.secrets.length} secrets: a command target is given one credential`,
    );
  if (missing.length > 0)
    return failure('secret_missing', `no value is set for the secret ${missing.join(', ')}`);
  if (!Number.isInteger(replicas) || replicas < 1 || replicas > 16)
    return failure('bad_config', `${replicas} replicas: 1 to 16 are possible`);
  return null;
}
