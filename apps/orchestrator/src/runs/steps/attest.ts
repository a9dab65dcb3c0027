import type { OpenTrail, Sealer } from '@millwright/audit';
import {
  changeStatement,
  getJson,
  Release,
  type Run,
  releaseStatement,
  retryable,
  streamOf,
  type Todo,
  terminal,
  VERSION,
} from '@millwright/domain';
import type { Store } from '@millwright/store';
import type { Streams } from '../../streams/streams.ts';
import type { StepResult } from '../step.ts';

type Ports = { sealer: Sealer; store: Store; streams: Streams; trail: OpenTrail };

/** Signs the provenance of what was merged or built, keeps it as an artifact, and puts its digest on the trail. */
export async function attest(
  factory: Ports,
  run: Run,
  step: Extract<Todo, { do: 'attest' }>,
): Promise<StepResult> {
  const { added: repo } = await factory.streams.repository(run.repo).look();
  const { origin } = factory.sealer;
  if (!repo) throw retryable('no-repo', `the repository ${run.repo} is not known yet`);
  const recorded = await factory.trail.read(streamOf.run(run.id));
  const about = { run, recorded, repo, origin, version: VERSION };
  const statement =
    step.of === 'change'
      ? changeStatement(about)
      : run.release &&
        releaseStatement(about, await getJson(factory.store.artifacts, Release, run.release.artifact));
  if (statement === null) throw terminal('step-without-input', `there is no ${step.of} to attest`);
  const { line, key } = await factory.sealer.attest(statement);
  const attestation = await factory.store.artifacts.put(Buffer.from(line));
  if (step.of === 'change' && run.merge?.kind === 'finished')
    return { type: 'change.attested', data: { commit: run.merge.commit, attestation, key } };
  if (step.of === 'release' && run.release)
    return {
      type: 'release.attested',
      data: { release: run.release.release, layer: run.release.layer, attestation, key },
    };
  throw terminal('step-without-input', `there is no ${step.of} to attest`);
}
