import type { Act, Problem } from '@millwright/api';
import { resumeCommand } from '@millwright/domain';

/** How the command line does an act: the exact command, or which option of the one that was given. */
export function commandOf(act: Act): string {
  switch (act.act) {
    case 'give':
      return act.values === undefined
        ? `give one with --${act.field}`
        : act.values.map((value) => `--${act.field} ${value}`).join(' or ');
    case 'leave-out':
      return `leave out --${act.field}`;
    case 'sign-in':
      return "set MILLWRIGHT_TOKEN or give --token, or --data with the factory's folder for its administrator";
    case 'sign-in-as':
      return `with the token of one who is ${act.role}: MILLWRIGHT_TOKEN=… ./millwright …`;
    case 'invite-person':
      return `./millwright person invite NAME --roles ${act.role}`;
    case 'list-people':
      return './millwright person list';
    case 'rotate-person':
      return './millwright person rotate ID';
    case 'list-units':
      return './millwright unit list';
    case 'add-repo':
      return './millwright repo add PATH';
    case 'list-repos':
      return './millwright repo list';
    case 'set-secret':
      return `./millwright secret set ${act.name} --repo NAME`;
    case 'show-autonomy':
      return `./millwright autonomy show --repo ${act.repo}`;
    case 'set-autonomy':
      return act.kind === undefined
        ? `./millwright autonomy set ${act.step} --repo ${act.repo} --reason "…"`
        : `./millwright autonomy set ${act.step} --repo ${act.repo} --kind ${act.kind} --reason "…"`;
    case 'list-tickets':
      return './millwright ticket list';
    case 'answer-ticket':
      return act.again
        ? `./millwright ticket answer ${act.id} "…" --again`
        : `./millwright ticket answer ${act.id} "…"`;
    case 'list-runs':
      return './millwright run list';
    case 'show-run':
      return `./millwright run show ${act.id}`;
    case 'explain-run':
      return `./millwright run why ${act.id}`;
    case 'show-logs':
      return `./millwright run logs ${act.id}`;
    case 'retry-run':
      return `./millwright run retry ${act.id}`;
    case 'list-gates':
      return './millwright gate list';
    case 'show-gate':
      return `./millwright gate show ${act.id}`;
    case 'approve-gate':
      return `./millwright gate approve ${act.id} --reason "…"`;
    case 'list-releases':
      return './millwright release list';
    case 'show-release':
      return `./millwright release show ${act.id}`;
    case 'show-quarantine':
      return './millwright release quarantine';
    case 'show-targets':
      return './millwright rollback status';
    case 'roll-back':
      return './millwright rollback';
    case 'roll-back-offline':
      return './millwright rollback --offline';
    case 'undo-rollback':
      return './millwright rollback undo';
    case 'abort-canary':
      return `./millwright release abort ${act.repo} --reason "…"`;
    case 'promote-canary':
      return `./millwright release promote ${act.repo} --reason "…"`;
    case 'thaw-target':
      return `./millwright release thaw ${act.repo} --reason "…"`;
    case 'resume':
      return resumeCommand(act.scope);
    case 'check-factory':
      return './millwright doctor';
    case 'rebuild-views':
      return './millwright views rebuild';
    case 'show-trail':
      return './millwright trail show --last 1';
    case 'verify-trail':
      return './millwright trail verify';
    case 'export-evidence':
      return `./millwright trail export --evidence soc2 --since ${act.since ?? 'POSITION'}`;
  }
}

/** What a problem says to do next, as a line; undefined where it says nothing. */
export function nextOf({ acts, hint }: Pick<Problem, 'acts' | 'hint'>): string | undefined {
  const commands = acts.map((act) =>
    act.to === undefined ? commandOf(act) : `${act.to}: ${commandOf(act)}`,
  );
  const parts = [...(hint === undefined ? [] : [hint]), ...commands];
  return parts.length === 0 ? undefined : parts.join('; ');
}
