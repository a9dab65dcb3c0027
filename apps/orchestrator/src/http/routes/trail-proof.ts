import { Readable } from 'node:stream';
import type { OpenTrail, Prover, Sealer } from '@millwright/audit';
import { parseSignatureLines, toBase64 } from '@millwright/audit';
import { factoryStream, streamOf } from '@millwright/domain';
import type { Store } from '@millwright/store';
import type { FastifyInstance } from 'fastify';
import { type Api, serve } from '../api.ts';
import { appendAs } from '../append-as.ts';
import { firstPlaces } from '../page.ts';
import { notFound, problem } from '../problem.ts';

type Ports = { prover: Prover; sealer: Sealer; store: Store; trail: OpenTrail };

// What a verifier or a witness needs of the trail. The orchestrator only hands it out: nothing here asks to be believed.

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

export function trailProofRoutes(app: FastifyInstance, { factory }: Api): void {
  const { prover, trail, store } = factory;

  serve(app, 'showCheckpoint', async (request, reply) => {
    const found = await checkpoint(factory, request.query);
    if (found === null) throw problem('not-found', 'there is no such checkpoint yet');
    if (request.headers.accept?.startsWith('text/plain'))
      return reply.type('text/plain; charset=utf-8').send(found.note);
    return found;
  });

  serve(app, 'proveEntry', async (request) => {
    const { position } = request.params;
    if (position > (await trail.head())) throw notFound('entry', String(position), { act: 'show-trail' });
    await factory.sealer.sealed(position, { timeoutMs: SEAL_MS });
    return prover.prove(position);
  });

  serve(app, 'proveConsistency', async (request) => {
    const { from, to } = request.query;
    const proof = await prover.consistency(from, to);
    return { from, to, proof: proof.map(toBase64) };
  });

  serve(app, 'exportRun', async (request) => {
    await factory.sealer.sealed(await trail.head(), { timeoutMs: SEAL_MS });
    return prover.exportRun(request.params.id);
  });

  serve(app, 'exportRange', async (request, reply) => {
    const { since, until } = request.query;
    const head = await trail.head();
    const last = Math.max(since + 1, until ?? 0);
    if (last > head) throw notFound('entry', String(last), { act: 'show-trail' });
    await factory.sealer.sealed(until ?? head, { timeoutMs: SEAL_MS });
    const lines = await prover.exportRange({ since, until });
    return reply.type(RANGE_TYPE).send(Readable.from(lines, { objectMode: false })); // pages are made as they are taken
  });

  serve(app, 'listAttestations', async (request, reply) => {
    const recorded = await trail.read(streamOf.run(request.params.id));
    if (recorded.length === 0) throw notFound('run', request.params.id, { act: 'list-runs' });
    const named = recorded.flatMap(({ envelope, entry }) =>
      entry?.type === 'change.attested' || entry?.type === 'release.attested'
        ? [{ position: envelope.position, digest: entry.data.attestation }]
        : [],
    );
    return Promise.all(
      firstPlaces(named, request.query, reply).map(async (one) => ({
        ...one,
        line: new TextDecoder().decode(await store.artifacts.get(one.digest)),
      })),
    );
  });

  serve(app, 'showKey', async () => {
    const vkey = await factory.sealer.vkey();
    if (vkey === null) throw problem('no-key', 'there is no checkpoint key yet');
    return {
      vkey,
      origin: factory.sealer.origin,
      rotations: await prover.rotations(),
      state: factory.sealer.state(),
    };
  });

  serve(app, 'rotateKey', async (request) => {
    return factory.sealer.rotate((entry) => appendAs(factory, factoryStream(), request.who, entry));
  });

  serve(app, 'readLog', async (request) => prover.log(request.query.after, request.query.limit));

  serve(app, 'cosign', async (request) => {
    const signatures = parseSignatureLines(request.body.signatures);
    if (signatures === null) throw problem('not-a-signature', 'these are no signature lines of a note');
    const kinds: ('added' | 'known')[] = [];
    for (const signature of signatures) {
      const added = await factory.sealer.addCosignature(request.body.size, signature);
      if (added.kind === 'refused') throw problem('cosignature-refused', added.reason);
      kinds.push(added.kind);
    }
    return { size: request.body.size, signatures: kinds };
  });
}
