import { createHash, randomBytes } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';

// Makes what docker-compose.yml reads and git never sees: secrets, a file each, and `.env`. What is there stays: a second call changes nothing but
// the images' names. `npm run compose:init` calls it, after the set-up.

const ROOT = resolve(import.meta.dirname, '../..');
const { values } = parseArgs({
  options: {
    /** Where the secrets, the administrator's token and the factory's address are. */
    secrets: { type: 'string', default: join(ROOT, '.millwright/compose') },
    env: { type: 'string', default: join(ROOT, '.env') },
    /** On the machine of the engine, the same path in each container: workspaces and the targets' files. */
    folder: { type: 'string' },
    port: { type: 'string', default: '4600' },
  },
});
const { secrets } = values;
const port = Number(values.port);
const word = () => randomBytes(24).toString('hex');

mkdirSync(secrets, { recursive: true, mode: 0o700 });
chmodSync(secrets, 0o700);
const keep = (name: string, text: string): string => {
  const path = join(secrets, name);
  // Whoever runs in a container reads its own there, under a user of the container's; nobody else passes the folder.
  if (!existsSync(path)) writeFileSync(path, text, { mode: 0o444 });
  return readFileSync(path, 'utf8').trim();
};

const before = Object.fromEntries(
  (existsSync(values.env) ? readFileSync(values.env, 'utf8') : '')
    .split('\n')
    .map((line) => /^([A-Z0-9_]+)=(.*)$/.exec(line))
    .filter((match) => match !== null)
    .map(([, name = '', value = '']) => [name, value]),
);
// A small network of its own: of 3,000 that hardly anybody uses, so that two factories on a machine do not meet.
const network =
  before.MILLWRIGHT_NET ?? `10.${200 + ((randomBytes(1)[0] ?? 0) % 55)}.${randomBytes(1)[0] ?? 0}`;
const postgres = `${network}.2:5432`;
const redis = `${network}.3:6379`;

const passwords = Object.fromEntries(
  ['postgres', 'migrator', 'orchestrator', 'runner', 'redactor'].map((role) => [
    role,
    keep(`${role}_password`, word()),
  ]),
);
const url = (role: string, host: string, database = 'millwright') =>
  `postgres://${role}:${passwords[role]}@${host}/${database}`;
const redisPassword = /^requirepass (\S+)$/m.exec(
  keep('redis_conf', `requirepass ${word()}\ndir /data\nappendonly yes\nmaxmemory-policy noeviction\n`),
)?.[1];
if (redisPassword === undefined)
  throw new Error(`${join(secrets, 'redis_conf')} has no line "requirepass …"`);
keep('superuser_url', url('postgres', postgres, 'postgres'));
keep('migrator_url', url('migrator', postgres));
keep('orchestrator_url', url('orchestrator', postgres));
keep('redactor_url', url('redactor', postgres));
keep('runner_url', url('runner', postgres));
keep('orchestrator_queue_url', `redis://:${redisPassword}@${redis}`);
keep('runner_queue_url', `redis://:${redisPassword}@${redis}`);
keep('anthropic_api_key', process.env.ANTHROPIC_API_KEY ?? '');
const token = keep('token', `mwt_${randomBytes(32).toString('base64url')}`);
chmodSync(join(secrets, 'token'), 0o400);
keep('admin_token_hash', createHash('sha256').update(token).digest('hex'));
writeFileSync(join(secrets, 'factory.json'), `${JSON.stringify({ url: `http://127.0.0.1:${port}` })}\n`);

const images = [
  'MILLWRIGHT_SANDBOX_IMAGE',
  'MILLWRIGHT_BASE_IMAGE',
  'MILLWRIGHT_POSTGRES_IMAGE',
  'MILLWRIGHT_REDIS_IMAGE',
];
const after: Record<string, string> = {
  MILLWRIGHT_FACTORY: `fac_${randomBytes(8).toString('hex')}`,
  MILLWRIGHT_FOLDER: values.folder ?? '/var/lib/millwright/compose',
  MILLWRIGHT_SECRETS: secrets,
  MILLWRIGHT_NET: network,
  MILLWRIGHT_PORT: String(port),
  MILLWRIGHT_PORT_1: String(port + 1),
  MILLWRIGHT_PORT_2: String(port + 2),
  ...before,
  ...Object.fromEntries(images.flatMap((name) => (process.env[name] ? [[name, process.env[name]]] : []))),
};
writeFileSync(
  values.env,
  `# Of docker-compose.yml. Made by \`npm run compose:init\`; no secret is in it.\n${Object.entries(after)
    .map(([name, value]) => `${name}=${value}\n`)
    .join('')}`,
);
process.stdout.write(
  `secrets are in ${secrets}, settings in ${values.env}
next:  docker-compose up --detach --build      (version 2: docker compose up --detach --build)
then:  ./millwright --data ${secrets} doctor
`,
);
if (readFileSync(join(secrets, 'anthropic_api_key'), 'utf8') === '')
  process.stdout.write(
    `! ANTHROPIC_API_KEY was not set: put the key into ${join(secrets, 'anthropic_api_key')} before stages can ask a model\n`,
  );
