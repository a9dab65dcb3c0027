import { randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, open, rename, rm, stat } from 'node:fs/promises';
import { dirname, isAbsolute, join } from 'node:path';
import { Readable } from 'node:stream';
import type { S3Client } from '@aws-sdk/client-s3';
import { type Digest, retryable, terminal } from '@millwright/domain';

// Where artifacts lie that are larger than a chunk, other than in the database: a folder that every machine has, or a bucket of what speaks S3.

/** Bytes by digest. Whoever reads checks the digest. */
export type ArtifactPlace = {
  /** For people and for comparison; without credentials. */
  name: string;
  put(digest: Digest, bytes: Uint8Array): Promise<void>;
  has(digest: Digest): Promise<boolean>;
  /** Null: it is not there. */
  read(digest: Digest): Promise<Readable | null>;
  /** Why nothing can be kept there, with what to do; null where it can. Writes, reads and removes a thing of its own. */
  trouble(): Promise<string | null>;
  close(): void;
};

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
const hexOf = (digest: Digest): string => digest.slice('sha256:'.length);

/**
 * `''` or `postgres`: null, the database; a path from `/`: a folder; `s3://BUCKET/PREFIX?region=…&endpoint=…`: a bucket, with the credentials that
 * the AWS SDK finds. Throws a terminal 'artifacts-refused' for anything else.
 */
export async function artifactPlace(said: string): Promise<ArtifactPlace | null> {
  if (said === '' || said === 'postgres') return null;
  if (isAbsolute(said)) return folder(said.replace(/\/+$/, ''));
  if (said.startsWith('s3://')) return bucket(new URL(said));
  throw terminal(
    'artifacts-refused',
    `MILLWRIGHT_ARTIFACTS is postgres, a path from /, or s3://BUCKET/PREFIX?region=…&endpoint=…, and not "${said}"`,
  );
}

function folder(root: string): ArtifactPlace {
  const fileOf = (digest: Digest) => join(root, hexOf(digest).slice(0, 2), hexOf(digest));
  /** Whole under its name, or not there: on another machine too, once its name is. */
  const write = async (to: string, bytes: Uint8Array) => {
    await mkdir(dirname(to), { recursive: true, mode: 0o700 });
    const made = `${to}.${randomUUID()}`;
    try {
      const file = await open(made, 'wx', 0o600);
      try {
        await file.writeFile(bytes);
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(made, to);
    } catch (error) {
      await rm(made, { force: true });
      throw retryable(
        'artifacts-unreachable',
        `${root} does not take an artifact: ${messageOf(error)}`,
        1_000,
        error,
      );
    }
  };
  const has = (digest: Digest) =>
    stat(fileOf(digest)).then(
      () => true,
      (error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT') return false;
        throw retryable('artifacts-unreachable', `${root} cannot be read: ${error.message}`, 1_000, error);
      },
    );
  return {
    name: root,
    has,
    put: async (digest, bytes) => {
      if (!(await has(digest))) await write(fileOf(digest), bytes);
    },
    read: async (digest) => ((await has(digest)) ? createReadStream(fileOf(digest)) : null),
    trouble: async () => {
      const probe = join(root, `.check-${randomUUID()}`);
      try {
        if (!(await stat(root)).isDirectory()) throw new Error('it is no folder');
        await write(probe, new Uint8Array([1]));
        await rm(probe);
        return null;
      } catch (error) {
        return `artifacts cannot be kept in ${root}: ${messageOf(error)}. Make it, writable for this process, and the same on every machine: mkdir -p ${root}`;
      }
    },
    close: () => undefined,
  };
}

async function bucket(url: URL): Promise<ArtifactPlace> {
  const s3 = await import('@aws-sdk/client-s3');
  const { host: Bucket } = url;
  const prefix = url.pathname.replace(/^\/+|\/+$/g, '');
  const endpoint = url.searchParams.get('endpoint');
  const client: S3Client = new s3.S3Client({
    region: url.searchParams.get('region') ?? process.env.AWS_REGION ?? 'us-east-1',
    // What speaks S3 and is not AWS seldom has a name for each bucket, nor the newest checksums; the digest is checked by whoever reads.
    ...(endpoint === null ? {} : { endpoint, forcePathStyle: true }),
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
  });
  const Key = (digest: Digest) => [prefix, hexOf(digest)].filter((part) => part !== '').join('/');
  const name = `s3://${Bucket}${prefix === '' ? '' : `/${prefix}`}${endpoint === null ? '' : ` at ${new URL(endpoint).host}`}`;
  const missing = (error: unknown) =>
    error instanceof s3.S3ServiceException && error.$metadata.httpStatusCode === 404;
  const away = (error: unknown) =>
    retryable('artifacts-unreachable', `${name} cannot be used: ${messageOf(error)}`, 1_000, error);
  const has = async (digest: Digest): Promise<boolean> => {
    try {
      await client.send(new s3.HeadObjectCommand({ Bucket, Key: Key(digest) }));
      return true;
    } catch (error) {
      if (missing(error)) return false;
      throw away(error);
    }
  };
  return {
    name,
    has,
    put: async (digest, bytes) => {
      if (await has(digest)) return;
      const put = new s3.PutObjectCommand({
        Bucket,
        Key: Key(digest),
        Body: bytes,
        ContentLength: bytes.length,
      });
      await client.send(put).catch((error: unknown) => {
        throw away(error);
      });
    },
    read: async (digest) => {
      try {
        const { Body } = await client.send(new s3.GetObjectCommand({ Bucket, Key: Key(digest) }));
        if (!(Body instanceof Readable)) throw new Error('the answer has no body');
        return Body;
      } catch (error) {
        if (missing(error)) return null;
        throw away(error);
      }
    },
    trouble: async () => {
      const Probe = {
        Bucket,
        Key: [prefix, `check-${randomUUID()}`].filter((part) => part !== '').join('/'),
      };
      try {
        await client.send(new s3.PutObjectCommand({ ...Probe, Body: new Uint8Array([1]), ContentLength: 1 }));
        const { Body } = await client.send(new s3.GetObjectCommand(Probe));
        await Body?.transformToByteArray();
        await client.send(new s3.DeleteObjectCommand(Probe));
        return null;
      } catch (error) {
        return `artifacts cannot be kept in ${name}: ${messageOf(error)}. The credentials that this process has (AWS_ACCESS_KEY_ID and the like) need GetObject, PutObject and DeleteObject on that bucket, which has to be there`;
      }
    },
    close: () => client.destroy(),
  };
}
