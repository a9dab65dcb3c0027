import { Readable } from 'node:stream';
import type { OpenTrail, Prover, Sealer } from '@millwright/audit';
import { parseSignatureLines, toBase64 } from '@millwright/audit';
import { factoryStream, RunId, streamOf } from '@millwright/domain';
import type { Store } from '@millwright/store';
import { z } from 'zod';
import type { Api, App } from '../api.ts';
import { requireRole } from '../authenticate.ts';
import { notFound, problem } from '../problem.ts';
import { say } from '../say.ts';

type Ports = { prover: Prover; sealer: Sealer; store: Store; trail: OpenTrail };

// What a verifier or a witness needs of the trail. The orchestrator only hands it out: nothing here asks to be believed.

const Position = z.coerce.number().int().positive().max(Number.MAX_SAFE_INTEGER);
const Size = z.coerce.number().int().min(0).max(Number.MAX_SAFE_INTEGER);
/** A client that asks for what comes is answered at the latest after this. */
const LONGEST_WAIT_MS = 25_000;
const RANGE_TYPE = 'application/x-ndjson';
/** For what was just appended to be sealed, before a proof of it is refused. */
export const SEAL_MS = 3_000;

async function checkpoint(
  factory: Ports,
  query: { after?: number | undefined; size?: number | undefined; waitMs: number },
) {
  const { after, size, waitMs } = query;
  if (size !== undefined) return factory.sealer.checkpointAt(size);
  return after === undefined ? factory.sealer.latest() : factory.sealer.after(after, waitMs);
}

export function trailProofRoutes(app: App, { factory }: Api): void {
  const { prover, trail, store } = factory;

  app.get(
    '/trail/checkpoint',
    {
      schema: {
        description:
          'The latest signed checkpoint (or that of `size`; or the next after `after`, waited for) as JSON, or as a note for Accept: text/plain',
        querystring: z.object({
          after: Size.optional(),
          size: Size.optional(),
          waitMs: z.coerce.number().int().min(0).max(LONGEST_WAIT_MS).default(0),
        }),
      },
    },
    async (request, reply) => {
      const found = await checkpoint(factory, request.query);
      if (found === null) throw problem('not-found', 'there is no such checkpoint yet');
      if (request.headers.accept?.startsWith('text/plain'))
        return reply.type('text/plain; charset=utf-8').send(found.note);
      return found;
    },
  );

  app.get(
    '/trail/proof/:position',
    { schema: { params: z.object({ position: Position }) } },
    async (request) => {
      const { position } = request.params;
      if (position > (await trail.head())) throw notFound('entry', String(position), { act: 'show-trail' });
      await factory.sealer.sealed(position, { timeoutMs: SEAL_MS });
      return prover.prove(position);
    },
  );

  app.get(
    '/trail/consistency',
    { schema: { querystring: z.object({ from: Size, to: Size }) } },
    async (request) => {
      const { from, to } = request.query;
      const proof = await prover.consistency(from, to);
      return { from, to, proof: proof.map(toBase64) };
    },
  );

  app.get('/runs/:id/bundle', { schema: { params: z.object({ id: RunId }) } }, async (request) => {
    await factory.sealer.sealed(await trail.head(), { timeoutMs: SEAL_MS });
    return prover.exportRun(request.params.id);
  });

  app.get(
    '/trail/range',
    {
      schema: {
        description:
          'Every entry after `since` and up to `until` (default: up to the latest checkpoint), as lines of JSON with what proves them; see docs/trail.md',
        produces: [RANGE_TYPE],
        querystring: z.object({ since: Size, until: Position.optional() }),
      },
    },
    async (request, reply) => {
      const { since, until } = request.query;
      const head = await trail.head();
      const last = Math.max(since + 1, until ?? 0);
      if (last > head) throw notFound('entry', String(last), { act: 'show-trail' });
      await factory.sealer.sealed(until ?? head, { timeoutMs: SEAL_MS });
      const lines = await prover.exportRange({ since, until });
      return reply.type(RANGE_TYPE).send(Readable.from(lines, { objectMode: false })); // pages are made as they are taken
    },
  );

  app.get(
    '/runs/:id/attestations',
    {
      schema: {
        description:
          'The DSSE envelopes that the entries of a run name, a line of JSON each, with their digests',
        params: z.object({ id: RunId }),
      },
    },
    async (request) => {
      const recorded = await trail.read(streamOf.run(request.params.id));
      if (recorded.length === 0) throw notFound('run', request.params.id, { act: 'list-runs' });
      const named = recorded.flatMap(({ envelope, entry }) =>
        entry?.type === 'change.attested' || entry?.type === 'release.attested'
          ? [{ position: envelope.position, digest: entry.data.attestation }]
          : [],
      );
      return Promise.all(
        named.map(async (one) => ({
          ...one,
          line: new TextDecoder().decode(await store.artifacts.get(one.digest)),
        })),
      );
    },
  );

  app.get('/trail/key', async () => {
    const vkey = await factory.sealer.vkey();
    if (vkey === null) throw problem('no-key', 'there is no checkpoint key yet');
    return {
      vkey,
      origin: vkey.split('+')[0],
      rotations: await prover.rotations(),
      state: factory.sealer.state(),
    };
  });

  app.post('/trail/key/rotate', async (request) => {
    requireRole(request.who, 'admin');
    return factory.sealer.rotate((entry) => say(factory, factoryStream(), request.who, entry));
  });

  app.get(
    '/trail/log',
    {
      schema: {
        querystring: z.object({
          after: Size.default(0),
          limit: z.coerce.number().int().min(1).max(2_000).default(1_000),
        }),
      },
    },
    async (request) => prover.log(request.query.after, request.query.limit),
  );

  app.post(
    '/trail/cosignatures',
    {
      schema: {
        body: z.strictObject({ size: z.number().int().positive(), signatures: z.string().max(16_384) }),
      },
    },
    async (request) => {
      const signatures = parseSignatureLines(request.body.signatures);
      if (signatures === null) throw problem('not-a-signature', 'these are no signature lines of a note');
      const kinds = [];
      for (const signature of signatures) {
        const added = await factory.sealer.addCosignature(request.body.size, signature);
        if (added.kind === 'refused') throw problem('cosignature-refused', added.reason);
        kinds.push(added.kind);
      }
      return { size: request.body.size, signatures: kinds };
    },
  );
}
