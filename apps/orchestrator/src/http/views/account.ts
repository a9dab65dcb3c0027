import { type Entry, type EntryOf, type Gate, nameOfScope, VERDICT_WORDS } from '@millwright/domain';

const short = (id: string): string =>
  id.startsWith('sha256:') ? id.slice(7, 19) : id.length >= 40 ? id.slice(0, 10) : id;

/** What a gate was asked. */
export type AskedGate = Pick<Gate, 'action' | 'subject'>;

const of = ({ action, subject }: AskedGate): string => `the ${action} of ${short(subject)}`;
const plural = (n: number, what: string): string => `${n} ${what}${n === 1 ? '' : 's'}`;
const until = (at: number): string => new Date(at).toISOString();
const within = (scope: EntryOf<'person.invited'>['data']['scope']): string =>
  scope === undefined || scope.kind === 'factory' ? '' : ` of ${nameOfScope(scope)}`;
const inWords = (state: string): string => state.replaceAll('_', ' ');
const because = (reason: string): string => (reason === '' ? '' : `: ${reason}`);

const CHANGED = {
  thinking_dropped: 'went on without its earlier thinking',
  put_aside: 'put old outputs aside',
  handed_over: 'handed over to a new conversation',
  model_changed: 'changed the model',
} as const;

/** One entry as a sentence: what was done, on what, with what result. The line beside it says who, when, and by which policy. */
export function sentence(entry: Entry, gate?: AskedGate): string {
  switch (entry.type) {
    case 'factory.started':
      return `the factory started, version ${entry.data.version}`;
    case 'factory.restored':
      return `restored from the backup of ${until(entry.data.madeAt)} (${short(entry.data.backup)}), up to entry ${entry.data.entries}: what happened between then and ${until(entry.data.restoredAt)} is not on this trail`;
    case 'factory.budget-set':
      return `${entry.data.usd === null ? `lifted the cap of ${entry.data.scope}` : `capped ${entry.data.scope} at $${entry.data.usd}`}: ${entry.data.reason}`;
    case 'factory.limit-set':
      return `${entry.data.stages === null ? `lifted the limit of ${entry.data.scope}` : `limited ${entry.data.scope} to ${entry.data.stages} at work at once`}: ${entry.data.reason}`;
    case 'ladder.attested': {
      const { scope, criterion, holds, until, evidence } = entry.data;
      return `attested for ${nameOfScope(scope)} that ${criterion} ${holds ? 'holds' : 'does not hold'}, until ${new Date(until).toISOString().slice(0, 10)}: ${evidence}`;
    }
    case 'factory.halted':
      return `halted ${nameOfScope(entry.data.scope ?? { kind: 'factory' })}: ${entry.data.reason}`;
    case 'factory.resumed':
      return `resumed ${nameOfScope(entry.data.scope ?? { kind: 'factory' })}: ${entry.data.reason}`;
    case 'factory.key-rotated':
      return `rotated the checkpoint key from ${entry.data.previous} to ${entry.data.next}`;
    case 'trail.redacted':
      return `redacted the free text of entry ${entry.data.position}: ${entry.data.reason}`;
    case 'database.refused':
      return `the database refused the ${entry.data.role}: ${entry.data.reason}`;
    case 'person.invited':
      return `invited ${entry.data.person} as ${entry.data.roles.join(', ')}${within(entry.data.scope)}, until ${until(entry.data.expiresAt)}`;
    case 'person.accepted':
      return 'accepted the invitation and has a token';
    case 'person.rotated':
      return entry.data.expiresAt === null
        ? 'took a new token; the former opens nothing'
        : `ended the token of ${entry.data.person} and gave out a code for another, until ${until(entry.data.expiresAt)}`;
    case 'person.granted':
      return `granted ${entry.data.role} of ${nameOfScope(entry.data.scope)} to ${entry.data.person}: ${entry.data.reason}`;
    case 'person.revoked':
      return `took ${entry.data.role} of ${nameOfScope(entry.data.scope)} from ${entry.data.person}: ${entry.data.reason}`;
    case 'person.linked':
      return `linked ${entry.data.person} to account ${entry.data.account} on ${entry.data.place} (${entry.data.api}): ${entry.data.reason}`;
    case 'person.unlinked':
      return `unlinked ${entry.data.person} from account ${entry.data.account} on ${entry.data.place}: ${entry.data.reason}`;
    case 'person.erased':
      return `erased the name of ${entry.data.person}: ${entry.data.reason}`;
    case 'repo.added':
      return `added repository ${entry.data.repo} (${entry.data.url}, branch ${entry.data.branch}, delivered by ${entry.data.deliver}${entry.data.unit === undefined ? '' : `, unit ${entry.data.unit}`})`;
    case 'repo.moved':
      return `moved ${entry.data.repo} to unit ${entry.data.unit}: ${entry.data.reason}`;
    case 'repo.step-set':
      return `set ${entry.data.kind === undefined ? '' : `${entry.data.kind} changes of `}${entry.data.repo} to autonomy step ${entry.data.step}: ${entry.data.reason}`;
    case 'autonomy.dropped':
      return dropped(entry.data);
    case 'autonomy.raise-proposed': {
      const { kind, repo, from, to, runs } = entry.data;
      return `proposes to raise ${kind} changes of ${repo} from step ${from} to ${to}: ${plural(runs.length, 'release')} of them came to serve since they fell`;
    }
    case 'repo.connected':
      return `connected ${entry.data.repo} to ${entry.data.project} on ${inWords(entry.data.kind)} (${entry.data.api}): what has the label ${entry.data.label} is a ticket`;
    case 'repo.disconnected':
      return `disconnected ${entry.data.repo}: ${entry.data.reason}`;
    case 'repo.secret-set':
      return `set secret ${entry.data.name} of ${entry.data.repo}`;
    case 'quarantine.lifted':
      return `let ${short(entry.data.commit)} ship again: ${entry.data.reason}`;
    case 'unit.added':
      return `added unit ${entry.data.unit}: ${entry.data.reason}`;
    case 'unit.policy-set':
      return `${entry.data.policy === null ? 'took away' : 'set'} the policy of unit ${entry.data.unit}: ${entry.data.reason}`;
    case 'ticket.filed':
      return `filed ${entry.data.kind} ticket ${entry.data.ticket} for ${entry.data.repo} (${short(entry.data.digest)})`;
    case 'ticket.run-opened':
      return `opened run ${entry.data.run} for the ticket`;
    case 'ticket.linked':
      return `is ${entry.data.kind} ${entry.data.id}, ${entry.data.url}`;
    case 'ticket.outside-started':
      return `tells it outside: ${inWords(entry.data.effect)} (${short(entry.data.digest)})`;
    case 'ticket.outside-finished':
      return `${entry.data.result === 'done' ? 'told' : 'could not tell'} it outside: ${inWords(entry.data.effect)}${entry.data.reference === null ? '' : ` at ${entry.data.reference.url}`}${entry.data.reason === '' ? '' : `: ${entry.data.reason}`}`;
    case 'ticket.proposal-ended':
      return `${entry.data.by ?? 'somebody'} ${entry.data.end} its proposal outside`;
    case 'ticket.outside-ended':
      return 'has nothing more to tell outside';
    case 'ticket.answered':
      return `answered: ${entry.data.text}`;
    case 'ticket.closed':
      return `closed the ticket: ${entry.data.end} — ${entry.data.reason}`;
    case 'ticket.reopened':
      return 'reopened the ticket with the evidence of its rollback';
    case 'ticket.incident-raised':
      return `raised an incident, begun ${new Date(entry.data.startedAt).toISOString()}, while ${entry.data.release ?? 'nothing'} served`;
    case 'ticket.incident-answered':
      return `${inWords(entry.data.answer)}${entry.data.release ? ` (${entry.data.release})` : ''}: ${entry.data.reason}`;
    case 'run.opened':
      return `opened the run on base ${short(entry.data.base.commit)}, step ${entry.data.step}`;
    case 'gate.asked':
      return `asked the ${entry.data.action} gate about ${short(entry.data.subject)}`;
    case 'gate.decided':
      return decided(entry.data, gate);
    case 'gate.approved':
      return `approved ${gate ? of(gate) : short(entry.data.subject)}: ${entry.data.reason}`;
    case 'gate.denied':
      return `denied ${gate ? of(gate) : 'the gate'}: ${entry.data.reason}`;
    case 'gate.expired':
      return `${gate ? of(gate) : 'the gate'} expired undecided`;
    case 'gate.voided':
      return `voided the yes to ${gate ? of(gate) : 'the gate'}: ${entry.data.reason}`;
    case 'stage.opened':
      return `opened ${entry.data.stage} as ${entry.data.attempt}`;
    case 'stage.closed':
      return `${entry.data.stage} ${entry.data.outcome.kind}${entry.data.outcome.kind === 'done' ? ` with ${short(entry.data.outcome.artifact)}` : `: ${entry.data.outcome.reason}`}`;
    case 'plan.accepted':
      return `accepted the plan: ${entry.data.tasks.map((task) => task.id).join(', ')}`;
    case 'plan.revised':
      return `split ${entry.data.task}, which was too large for one attempt, into ${entry.data.tasks.map((task) => task.id).join(', ')}`;
    case 'question.asked':
      return `asked the author: ${entry.data.question}`;
    case 'task.blocked':
      return `the implementer made no change and asks: ${firstLine(entry.data.question)}`;
    case 'task.unfinished':
      return `the attempt at ${entry.data.task ?? 'the whole'} was too small for it (${firstLine(entry.data.reason)}); ${entry.data.tree === null ? 'nothing is done' : `what is done is kept as tree ${short(entry.data.tree)}`}`;
    case 'task.stuck':
      return `the same tests failed for the same again, and a person is asked: ${firstLine(entry.data.question)}`;
    case 'run.steered':
      return `said to the agent of ${entry.data.attempt}: ${entry.data.text}`;
    case 'attempt.steered':
      return `said to its agent: ${entry.data.text}`;
    case 'question.answered':
      return `answered the planner: ${entry.data.answer}`;
    case 'task.changed':
      return `took the change of ${entry.data.task ?? 'the whole'}: patch ${short(entry.data.patchId)}, tree ${short(entry.data.tree)}`;
    case 'task.reviewed':
      return `review of patch ${short(entry.data.patchId)}: ${entry.data.verdict}`;
    case 'task.integrated':
      return `integrated ${entry.data.task ?? 'the whole'} as ${short(entry.data.commit)}${entry.data.united.length === 0 ? '' : `, with what both sides add to ${entry.data.united.join(', ')}`}`;
    case 'task.conflicted':
      return `${entry.data.task ?? 'the whole'} conflicts in ${entry.data.paths.join(', ')}`;
    case 'change.composed':
      return `composed the change ${short(entry.data.commit)} on ${short(entry.data.base)}`;
    case 'checks.skipped':
      return `asked no tester for acceptance checks: the repository skips them for tickets of kind ${entry.data.kind}`;
    case 'review.skipped':
      return `asked no reviewer: the change is trivial, and the repository lets such changes of tickets of kind ${entry.data.kind} go without`;
    case 'checks.disputed':
      return `the acceptance checks went back to their tester: ${entry.data.by === 'review' ? 'the review holds against them' : 'their implementer says that they are wrong'}`;
    case 'checks.written':
      return `took the acceptance checks ${short(entry.data.checks)}`;
    case 'change.tested':
      return `tests of ${entry.data.task === null ? '' : `${entry.data.task}, `}tree ${short(entry.data.tree)}: ${VERDICT_WORDS[entry.data.verdict]}`;
    case 'change.queued':
      return `lined up to merge${entry.data.behind === null ? ', first' : ` behind ${entry.data.behind}`}`;
    case 'merge.lost':
      return `${short(entry.data.commit)} is not on the branch any more, which is at ${short(entry.data.head)}: ${entry.data.reason}`;
    case 'run.parked':
      return `waits for a person (${entry.data.cause}): ${entry.data.reason}`;
    case 'run.reminded':
      return `${{ sent: 'called a person', failed: 'could not call a person', nobody: 'nobody to call' }[entry.data.result]}${because(entry.data.reason)}`;
    case 'run.resumed':
      return `goes on from where it was: ${entry.data.reason}`;
    case 'base.moved':
      return `the base moved to ${short(entry.data.base.commit)}${entry.data.behind === null ? '' : ` of ${entry.data.behind}`}${entry.data.rewritten ? ', the branch having been rewritten' : ''}${entry.data.conflict ? `, in conflict with ${entry.data.conflict.paths.join(', ')}` : ', rebased'}`;
    case 'merge.started':
      return `started to merge ${short(entry.data.commit)} under ${entry.data.gate}`;
    case 'merge.finished':
      return `${entry.data.delivered === 'merge' ? 'merged' : 'delivered as a branch'}: ${short(entry.data.commit)} on ${entry.data.ref} (${entry.data.reason})`;
    case 'merge.refused':
      return `could not merge: ${entry.data.reason}`;
    case 'change.attested':
      return `attested the change ${short(entry.data.commit)} in ${short(entry.data.attestation)}, signed by ${entry.data.key}`;
    case 'release.attested':
      return `attested release ${entry.data.release} in ${short(entry.data.attestation)}, signed by ${entry.data.key}`;
    case 'release.built':
      return `built release ${entry.data.release} (${short(entry.data.layer)}), tests: ${VERDICT_WORDS[entry.data.verdict]}`;
    case 'release.rehearsed':
      return rehearsed(entry.data);
    case 'release.outdated':
      return `${entry.data.release} is built anew from ${short(entry.data.commit)}: ${entry.data.reason}`;
    case 'deploy.started':
      return `started to deploy ${entry.data.release} under ${entry.data.gate}`;
    case 'deploy.finished':
      return `deploy of ${entry.data.release}: ${inWords(entry.data.result)}; live now: ${entry.data.live ?? 'none'}`;
    case 'revert.started':
      return `started to revert ${short(entry.data.commit)}`;
    case 'revert.finished':
      return entry.data.commit
        ? `reverted by ${short(entry.data.commit)} on ${entry.data.ref}`
        : `the revert needs a person: ${entry.data.reason}`;
    case 'run.stop-asked':
      return `asked the run to stop (${entry.data.end}): ${entry.data.reason}`;
    case 'run.closed':
      return `closed the run: ${inWords(entry.data.end)} — ${firstLine(entry.data.reason)}`;
    case 'attempt.opened':
      return `opened an attempt of ${entry.data.role}`;
    case 'attempt.claimed':
      return 'took up the attempt';
    case 'attempt.sandboxed':
      return `works in container ${entry.data.container.slice(0, 12)} (${entry.data.purpose})`;
    case 'attempt.paused':
      return `waits for the budget of ${entry.data.scope}: $${entry.data.leftUsd.toFixed(2)} left, the next call may cost $${entry.data.needUsd.toFixed(2)}`;
    case 'turn.asked':
      return `asks ${entry.data.model} for turn ${entry.data.turn}`;
    case 'turn.lost':
      return `turn ${entry.data.turn} is lost: ${entry.data.reason}`;
    case 'turn.recorded':
      return `turn ${entry.data.turn} with ${entry.data.model}: ${entry.data.action}`;
    case 'conversation.changed':
      return `${CHANGED[entry.data.change]} after turn ${entry.data.after}, with ${entry.data.model}: ${firstLine(entry.data.reason)}`;
    case 'attempt.refused':
      return `an append was refused: ${entry.data.reason}`;
    case 'attempt.closed':
      return `the attempt ended: ${entry.data.outcome.kind}${entry.data.outcome.kind === 'done' ? '' : ` — ${entry.data.outcome.reason}`}`;
    case 'target.effect-started':
      return `began ${effectWords(entry.data.effect, entry.data.release)}`;
    case 'target.effect-finished':
      return `${effectWords(entry.data.effect, entry.data.release)}: ${entry.data.result}${because(entry.data.reason)}`;
    case 'target.judged': {
      const { release, percent, verdict, reason: why, needs, until } = entry.data;
      const pause = until === null ? '' : '; it pauses, and goes back unless it gets it';
      return `${release} at ${percent} % of traffic: ${verdict}: ${why}${needs === null ? '' : `; it needs ${needs}`}${pause}`;
    }
    case 'canary.started':
      return `began to bring out ${entry.data.release} beside ${entry.data.live ?? 'nothing'}, in steps of ${entry.data.steps.join(', ')} %`;
    case 'canary.resumed':
      return `goes on with the canary ${entry.data.release} under fence ${entry.data.as}, in place of an orchestrator that is gone`;
    case 'canary.shifted':
      return `${entry.data.release} has ${entry.data.percent} % of traffic`;
    case 'canary.asked': {
      const { ask, release, until, reason: why } = entry.data;
      if (ask === 'pause' && until === null) return `let the canary ${release} go on: ${why}`;
      const held = until === null ? '' : ` until ${new Date(until).toISOString()}`;
      return `${{ pause: 'paused', promote: 'ended the bake of', abort: 'aborted' }[ask]} the canary ${release}${held}: ${why}`;
    }
    case 'canary.ended': {
      const { release, end, live, reason: why } = entry.data;
      const how = {
        promoted: 'promoted',
        taken_back: 'taken back',
        held: 'held',
        failed: 'failed',
        fenced: 'left to who has the target',
      }[end];
      return `the canary ${release} is ${how}${because(why)}; ${live ?? 'nothing'} serves`;
    }
    case 'rollback.asked': {
      const { to, canary, reason: why } = entry.data;
      const where = to ?? (canary === null ? 'the release before' : 'what is live');
      return `asked to go back to ${where}${canary === null ? '' : `, while the canary ${canary} is under way`}: ${why}`;
    }
    case 'target.healed':
      return `brought ${entry.data.release} back in ${Math.round(entry.data.ms)} ms: ${entry.data.reason}`;
    case 'target.not-healed':
      return `could not bring ${entry.data.release} back (${entry.data.what}): ${entry.data.reason}`;
    case 'target.heal-paused':
      return `stopped bringing ${entry.data.release} back after ${entry.data.tries} tries: ${entry.data.reason}`;
    case 'target.frozen':
      return `froze the target: ${entry.data.reason}${entry.data.what === '' ? '' : `\n${entry.data.what}`}`;
    case 'target.window-began':
      return `froze the target: a freeze window ${entry.data.reason}`;
    case 'target.window-ended':
      return 'thawed the target: its freeze window is over';
    case 'target.thawed':
      return `thawed the target: ${entry.data.reason}`;
    case 'target.paged':
      return { sent: 'called a person', failed: 'could not call a person', nobody: 'nobody to call' }[
        entry.data.result
      ].concat(entry.data.reason === '' ? '' : `: ${entry.data.reason}`);
    case 'undo.asked':
      return `asked to go forward again to ${entry.data.release}: ${inWords(entry.data.decision)}, ${entry.data.reason}`;
    case 'undo.started':
      return `started to deploy ${entry.data.release} again`;
    case 'undo.finished':
      return `deploy of ${entry.data.release} again: ${inWords(entry.data.result)}; live now: ${entry.data.live ?? 'none'}`;
    case 'target.journal-imported':
      return `took over ${entry.data.records.length} entries that were kept beside the trail while it could not be written`;
    case 'target.revert-started':
      return `started to revert ${short(entry.data.commit)}, the merge behind ${entry.data.release}`;
    case 'target.revert-finished':
      return entry.data.commit
        ? `reverted the merge behind ${entry.data.release} by ${short(entry.data.commit)} on ${entry.data.ref}`
        : `the revert of the merge behind ${entry.data.release} needs a person: ${entry.data.reason}`;
    case 'target.reconciled':
      return `settled ${entry.data.key}, whose outcome was unknown: ${entry.data.live ?? 'nothing'} serves; ${entry.data.reason}`;
    case 'target.released':
      return `${entry.data.release} serves now, by ${entry.data.by}${entry.data.previous ? `, after ${entry.data.previous}` : ''}${because(entry.data.reason)}`;
  }
}

/** What is done to a target, in words: the names of effects are the journal's. */
export function effectWords(effect: string, release: string): string {
  const share = /^shift\/(\d+)$/.exec(effect)?.[1];
  if (share !== undefined) return `giving ${release} ${share} % of traffic`;
  if (effect.startsWith('undo:')) {
    const undone = effect.slice('undo:'.length);
    if (undone === 'start') return `stopping ${release} again`;
    return undone.startsWith('shift') || undone === 'settle'
      ? `sending all traffic back from ${release}`
      : `taking back: ${effectWords(undone, release)}`;
  }
  switch (effect) {
    case 'proxy':
      return `setting up the proxy for ${release}`;
    case 'materialise':
      return `making the image of ${release}`;
    case 'start':
      return `starting ${release}`;
    case 'settle':
      return `setting traffic as it should be for ${release}`;
    case 'rehearse':
      return `rehearsing the undo of ${release}`;
    case 'retire':
      return `stopping what ran before ${release}`;
    case 'discard':
      return `removing ${release}, which does not go out`;
    default:
      return `${effect} of ${release}`;
  }
}

function decided(
  { decision, policies, approvals, reason }: EntryOf<'gate.decided'>['data'],
  gate: AskedGate | undefined,
): string {
  const by = policies.length > 0 ? ` by ${policies.join(', ')}` : '';
  const what = gate ? of(gate) : 'it';
  switch (decision) {
    case 'allow':
      return `allowed ${what}${by}: ${reason}`;
    case 'deny':
      return `denied ${what}${by}: ${reason}`;
    case 'needs_approval':
      return `left ${what} to ${plural(approvals, 'approver')}${by}: ${reason}`;
  }
}

const DROP_CAUSES = {
  rolled_back: (release: string) => `${release} was rolled back`,
  critical_incident: (release: string) => `a critical incident came while ${release} served`,
  stuck: (release: string) => `going back from or to ${release} failed`,
} as const;

const dropped = ({ repo, kind, from, to, cause, release }: EntryOf<'autonomy.dropped'>['data']): string =>
  `${kind === null ? 'every kind of change' : `${kind} changes`} of ${repo} ${kind === null ? 'falls' : 'fall'} from autonomy step ${from} to ${to}: ${DROP_CAUSES[cause](release ?? 'nothing')}`;

function rehearsed({ release, result, ms, reason }: EntryOf<'release.rehearsed'>['data']): string {
  switch (result) {
    case 'works':
      return `${release} went forth and back on its target without traffic; undo takes ${ms} ms`;
    case 'later':
      return `${release} is rehearsed once it is allowed: ${reason}`;
    case 'no_undo':
      return `${release} cannot be undone: ${reason}`;
    case 'unhealthy':
      return `${release} does not run on its target, before any traffic: ${reason}`;
    case 'failed':
      return `${release} could not be brought to its target: ${reason}`;
  }
}

/** What a reason says; its evidence comes in further lines. */
const firstLine = (text: string): string => text.split('\n', 1)[0] ?? '';
