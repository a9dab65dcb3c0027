import { Redis } from 'ioredis';

/** How long Redis has for each answer. Milliseconds. */
const ANSWER_MS = 5_000;
/** Nobody is there now: wake-ups come when it is, and the trail is looked through meanwhile. */
const AWAY = /ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|ETIMEDOUT|ECONNRESET/;
const LOADING = /^(LOADING|MASTERDOWN|BUSY)\b/;

/**
 * What is wrong with the Redis of a queue's url and does not mend itself, with what to do; null where nothing is, where it is away, and for a
 * queue on PostgreSQL. Never names the password.
 */
export async function queueTrouble(url: string): Promise<string | null> {
  const { protocol, host } = new URL(url);
  if (protocol !== 'redis:' && protocol !== 'rediss:') return null;
  const redis = new Redis(url, {
    lazyConnect: true,
    enableReadyCheck: false,
    retryStrategy: () => null,
    maxRetriesPerRequest: 0,
    connectTimeout: ANSWER_MS,
    commandTimeout: ANSWER_MS,
  });
  let first = ''; // what the connection said before a command was told that it is closed
  redis.on('error', (error: Error) => {
    first ||= `${(error as NodeJS.ErrnoException).code ?? ''} ${error.message}`.trim();
  });
  try {
    await redis.connect();
    const memory = await redis.info('memory');
    const policy = /^maxmemory_policy:(\S+)/m.exec(memory)?.[1];
    if (policy === undefined) return notRedis(host, protocol, 'it does not say its maxmemory-policy');
    if (policy !== 'noeviction')
      return `the Redis at ${host} may throw wake-ups away when its memory is full (maxmemory-policy ${policy}). Set it: redis-cli config set maxmemory-policy noeviction, and the same in its redis.conf`;
    await redis.set('millwright:check', '1', 'PX', ANSWER_MS);
    return null;
  } catch (error) {
    const said = error instanceof Error ? error.message : String(error);
    return told(host, protocol, first, said);
  } finally {
    redis.disconnect();
  }
}

function told(host: string, protocol: string, first: string, said: string): string | null {
  const both = `${first}\n${said}`;
  if (/WRONGPASS|invalid password|invalid username-password/i.test(both))
    return `the Redis at ${host} does not take the password of QUEUE_URL (REDIS_URL of \`millwright up\`). Correct it: redis://:PASSWORD@${host}`;
  if (/NOAUTH/.test(both))
    return `the Redis at ${host} needs a password, and QUEUE_URL (REDIS_URL of \`millwright up\`) has none. Write it into the address: redis://:PASSWORD@${host}`;
  if (/READONLY/.test(both))
    return `the Redis at ${host} is a read-only replica. Give the address of its primary (redis-cli info replication says which)`;
  if (/NOPERM/.test(both))
    return `the user of QUEUE_URL has too few rights on the Redis at ${host}: ${said}. It needs all commands on the keys millwright:*`;
  if (AWAY.test(both) || LOADING.test(said)) return null;
  return notRedis(host, protocol, first || said);
}

const notRedis = (host: string, protocol: string, why: string): string =>
  `what listens at ${host} does not answer as Redis does (${why.slice(0, 200)}). Check the address in QUEUE_URL (REDIS_URL of \`millwright up\`)${
    protocol === 'redis:'
      ? ', and whether it wants TLS: rediss://'
      : ', and whether it has TLS at all: redis://'
  }`;
