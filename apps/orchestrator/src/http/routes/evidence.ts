import type { OpenTrail, Prover, Sealer } from '@millwright/audit';
import { EVIDENT, type EvidencePack, evidencePack, SUPPORTING } from '@millwright/audit/proof';
import type { RunId } from '@millwright/domain';
import type { ReadModel } from '@millwright/read-model';
import type { Store } from '@millwright/store';
import type { FastifyInstance } from 'fastify';
import { type Api, type QueryOf, serve } from '../api.ts';
import { namesOf } from '../names.ts';
import { problem } from '../problem.ts';
import { SEAL_MS } from './trail-proof.ts';

type Ports = {
  prover: Prover;
  readModel: ReadModel;
  sealer: Sealer;
  store: Store;
  trail: OpenTrail;
};

/** Entries in one pack: some 50 MB with their proofs. */
const MOST = 20_000;

/** Positions of what has a line of its own, and of what the merges among it rest on. */
async function wanted({ readModel, trail }: Ports, since: number, through: number): Promise<number[]> {
  const page = { before: through + 1, limit: MOST + 1, newest: false };
  const evident = await readModel.trailPage({ types: EVIDENT }, { ...page, after: since });
  const merges = await readModel.trailPage({ types: ['merge.finished'] }, { ...page, after: since });
  const found = new Set(evident.map(({ position }) => position));
  for (let at = 0; at < merges.length; at += 2_000) {
    for (const { envelope } of await trail.readAt(
      merges.slice(at, at + 2_000).map(({ position }) => position),
    )) {
      const run = envelope.stream.slice('run/'.length) as RunId;
      const support = await readModel.trailPage(
        { run, types: SUPPORTING },
        { ...page, after: 0, before: envelope.position },
      );
      for (const { position } of support) found.add(position);
    }
  }
  return [...found].sort((a, b) => a - b);
}

async function packOf(factory: Ports, query: QueryOf<'exportEvidence'>): Promise<EvidencePack> {
  const { trail, sealer, prover, readModel } = factory;
  const through = await trail.head();
  await readModel.reached(through);
  const [missing] = await readModel.parked();
  if (missing !== undefined)
    throw problem(
      'entries-missing',
      `entry ${missing.position} could not be folded into the read model, so this pack might leave something out: ${missing.reason}`,
    );
  await sealer.sealed(through, { timeoutMs: SEAL_MS });
  const [first] = await readModel.trailPage(
    { from: query.from ?? 0 },
    { after: 0, before: through + 1, limit: 1, newest: false },
  );
  const since = query.since ?? (query.from === undefined ? 0 : (first?.position ?? through + 1) - 1);
  const positions = await wanted(factory, since, through);
  if (positions.length > MOST)
    throw problem('too-much', `more than ${MOST} entries are evidence since ${since}`, {
      act: 'export-evidence',
      to: 'ask for less of it, from a later position on',
    });
  const bundle = await prover.proveAll(positions);
  const said = JSON.stringify(bundle.entries.map(({ envelope, payload }) => [envelope.actor, payload?.text]));
  const names = Object.fromEntries([...(await namesOf(factory))].filter(([id]) => said.includes(id)));
  return evidencePack(bundle, { framework: query.framework, since, through, names });
}

export function evidenceRoutes(app: FastifyInstance, { factory }: Api): void {
  serve(app, 'exportEvidence', (request) => packOf(factory, request.query));
}
