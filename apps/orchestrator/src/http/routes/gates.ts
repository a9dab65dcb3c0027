import type { GateView } from '@millwright/api';
import type { Gate, RunInfo } from '@millwright/domain';
import { type GateId, getJson, PersonId, type RoleScope, type RunEntry, Ticket } from '@millwright/domain';
import type { FastifyInstance } from 'fastify';
import { ANOTHER_APPROVER, APPROVER, handOf } from '../../gates/hands.ts';
import { resumeRun } from '../../intake/tickets.ts';
import { act } from '../../streams/run-stream.ts';
import { type Api, serve, serveThere } from '../api.ts';
import type { Who } from '../authenticate.ts';
import { namesOf } from '../names.ts';
import { newestGates, newestOf } from '../page.ts';
import { notFound, problem } from '../problem.ts';
import { explanationOf } from '../views/explanation.ts';
import { gateEvidence } from '../views/gate-evidence.ts';
import { gateView } from '../views/run-view.ts';
import { stopOfRun } from '../views/stop-view.ts';
import { ofRepo } from './repos.ts';

/** A gate that is asked anew is judged within this time, most likely. Milliseconds. */
const ANEW_MS = 10_000;

const byWhom = ({ deniedBy }: Gate): string => (deniedBy === null ? ' by policy' : ` by ${deniedBy}`);

const isParked = ({ state }: RunInfo): boolean => state.kind === 'run' && state.parked?.cause === 'gate';

export function gateRoutes(app: FastifyInstance, api: Api): void {
  const { factory, driver } = api;
  const known = async (id: GateId): Promise<{ info: RunInfo; gate: Gate }> => {
    await factory.readModel.reached(await factory.trail.head());
    const run = await factory.readModel.runOfGate(id);
    const info = run && (await factory.views.with({ runs: [run] })).runs.get(run);
    const gate = info?.state.kind === 'run' && info.state.gates.find((one) => one.gate === id);
    if (!info || !gate) throw notFound('gate', id, { act: 'list-gates' });
    return { info, gate };
  };
  const view = async ({ info, gate }: { info: RunInfo; gate: Gate }, facts: boolean): Promise<GateView> => {
    if (info.state.kind !== 'run') throw notFound('gate', gate.gate, { act: 'list-gates' });
    const names = await namesOf(factory);
    const { title } = await getJson(factory.store.artifacts, Ticket, info.state.ticketDigest);
    const seen = await gateView(factory.store, info, info.state, gate, names, title, facts);
    return { ...seen, stop: seen.state === 'waiting' ? stopOfRun(factory, info.state, names) : null };
  };

  serve(app, 'listGates', async (request, reply) => {
    const wanted = ofRepo(factory, request.query.repo);
    if (request.query.state === 'all') {
      const part = await newestGates(factory, request.query, reply);
      const { runs } = await factory.views.with({ runs: part.map(({ run }) => run) });
      const found = part.flatMap(({ gate: id, run }) => {
        const info = runs.get(run);
        const gate = info?.state.kind === 'run' && info.state.gates.find((one) => one.gate === id);
        return info && gate ? [{ info, gate }] : [];
      });
      return Promise.all(found.map((one) => view(one, false)));
    }
    await factory.readModel.reached(await factory.trail.head());
    const asked = [...factory.views.open.runs.values()].flatMap((info) =>
      info.state.kind === 'run' && wanted(info.state.repo)
        ? info.state.gates
            .filter((gate) => gate.decision === 'needs_approval' && gate.ended === null)
            .map((gate) => ({ info, gate }))
        : [],
    );
    const part = newestOf(asked, request.query, reply, ({ gate }) => gate.gate);
    return Promise.all(part.map((one) => view(one, false)));
  });
  serve(app, 'showGate', async (request) => view(await known(request.params.id), true));

  serve(app, 'explainGate', async (request) => {
    const { info, gate } = await known(request.params.id);
    if (info.state.kind !== 'run') throw notFound('gate', gate.gate, { act: 'list-gates' });
    return explanationOf(factory, info.state, gate);
  });

  serve(app, 'showEvidence', async (request) => {
    const { info, gate } = await known(request.params.id);
    if (info.state.kind !== 'run') throw notFound('gate', gate.gate, { act: 'list-gates' });
    return gateEvidence(factory, info.state, gate);
  });

  const answer = async (
    verb: 'approve' | 'deny',
    id: GateId,
    who: Who,
    make: (gate: Gate) => RunEntry,
  ): Promise<GateView> => {
    const { info, gate } = await known(id);
    if (info.state.kind === 'run' && verb === 'approve') {
      const hand = await handOf(factory, info.state, who.id, APPROVER);
      if (hand !== null) throw problem('forbidden', hand, ANOTHER_APPROVER);
    }
    if (gate.ended === 'expired' && isParked(info)) return answerLate(verb, gate, who, make);
    const result = await act(factory, info.id, who.actor, (run) => {
      const gate = run.gates.find((one) => one.gate === id);
      return gate ? make(gate) : 'there is no such gate';
    });
    if (result.kind === 'rejected') {
      const { gate } = await known(id);
      const next = { act: 'show-gate', id } as const;
      if (verb === 'approve' && gate.decision === 'deny')
        throw problem('denied', `not recorded: the gate was denied${byWhom(gate)}: ${gate.reason}`, next);
      throw problem('not-recorded', `not recorded: ${result.reason}`, next);
    }
    driver.drive(info.id);
    return view(await known(id), false);
  };

  /**
   * A gate that nobody answered in time is never used. An answer that comes late lets its run go on, whose gate is then asked anew, on what is
   * so now; the answer is recorded there, where it is about the same digest.
   */
  const answerLate = async (
    verb: 'approve' | 'deny',
    late: Gate,
    who: Who,
    make: (gate: Gate) => RunEntry,
  ): Promise<GateView> => {
    const { info } = await known(late.gate);
    const resumed = await resumeRun(factory, info.id, who.actor, `the ${late.action} gate is answered late`);
    if (resumed.kind === 'rejected')
      throw problem('not-recorded', resumed.reason, { act: 'explain-run', id: info.id });
    driver.drive(info.id);
    const moved = problem(
      'asked-anew',
      'the run goes on, and what this gate was about has changed since: it is judged, and asked about, anew',
      { act: 'explain-run', id: info.id },
    );
    for (
      const end = factory.clock.now() + ANEW_MS;
      factory.clock.now() < end;
      await factory.clock.sleep(50)
    ) {
      await factory.readModel.reached(await factory.trail.head());
      const run = (await factory.views.with({ runs: [info.id] })).run(info.id);
      const gate = run?.gates.findLast((one) => one.action === late.action && one.ended === null);
      if (run === undefined || run.closed !== null || (gate && gate.subject !== late.subject)) throw moved;
      if (gate?.decision === 'needs_approval' && !gate.needsJudgement)
        return answer(verb, gate.gate, who, make);
      if (gate && gate.decision !== null) return view(await known(gate.gate), false);
    }
    throw moved;
  };

  const where = async ({ params }: { params: { id: GateId } }): Promise<RoleScope> => {
    const { info, gate } = await known(params.id);
    if (info.state.kind !== 'run') throw notFound('gate', gate.gate, { act: 'list-gates' });
    return { kind: 'repo', repo: info.state.repo };
  };
  serveThere(app, api, 'approveGate', where, (request) =>
    answer('approve', request.params.id, request.who, (gate) => ({
      type: 'gate.approved',
      data: {
        gate: gate.gate,
        person: PersonId.parse(request.who.id),
        subject: gate.subject,
        reason: request.body.reason,
      },
    })),
  );
  serveThere(app, api, 'denyGate', where, (request) =>
    answer('deny', request.params.id, request.who, (gate) => ({
      type: 'gate.denied',
      data: { gate: gate.gate, person: PersonId.parse(request.who.id), reason: request.body.reason },
    })),
  );
}
