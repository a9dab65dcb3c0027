import { type Failure, failure, type RunAs } from './target.ts';

/** What is missing before anything can be run, or null. */
export function checkRun({ config, secrets, replicas }: RunAs): Failure | null {
  if (config.target !== 'docker')
    return failure('bad_config', `deploy.target is ${config.target}: this factory deploys to docker so far`);
  for (const key of ['start', 'port', 'expose'] as const)
    if (config[key] === undefined) return failure('bad_config', `millwright.yaml has no deploy.${key}`);
  const missing = config.secrets.filter((name) => secrets[name] === undefined);
  if (missing.length > 0)
    return failure(
      'secret_missing',
      `no value for ${missing.join(', ')}: millwright secret set ${missing[0]} --repo …`,
    );
  if (!Number.isInteger(replicas) || replicas < 1 || replicas > 16)
    return failure('bad_config', `${replicas} replicas: 1 to 16 are possible`);
  return null;
}
