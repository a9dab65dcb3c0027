import type { Act } from '@millwright/api';
import type { HaltScope, RoleScope } from '@millwright/domain';

const within = (scope: RoleScope | undefined): string => {
  if (scope === undefined || scope.kind === 'factory') return '';
  return scope.kind === 'unit' ? ` --unit ${scope.unit}` : ` --repo ${scope.repo}`;
};

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
      return `./millwright person invite NAME --roles ${act.role}${within(act.scope)}`;
    case 'grant-role':
      return `./millwright person grant NAME ${act.role}${within(act.scope)} --reason "…"`;
    case 'list-people':
      return './millwright person list';
    case 'rotate-person':
      return './millwright person rotate ID';
    case 'list-units':
      return './millwright unit list';
    case 'list-runners':
      return './millwright runner list';
    case 'add-repo':
      return './millwright repo add PATH';
    case 'connect-repo':
      return `printf %s "$TOKEN" | ./millwright connect github --repo ${act.repo} --project OWNER/NAME`;
    case 'check-connection':
      return `./millwright connect check ${act.repo}`;
    case 'list-repos':
      return './millwright repo list';
    case 'set-secret':
      return `printf %s "$VALUE" | ./millwright secret set ${act.name} --repo ${act.repo ?? 'NAME'}`;
    case 'show-budgets':
      return './millwright budget show';
    case 'set-budget':
      return `./millwright budget set ${act.budget ?? 'SCOPE'} USD --reason "…"`;
    case 'set-limit':
      return `./millwright limit set ${act.limit} STAGES --reason "…"`;
    case 'show-autonomy':
      return `./millwright autonomy show --repo ${act.repo}`;
    case 'set-autonomy':
      return act.kind === undefined
        ? `./millwright autonomy set ${act.step} --repo ${act.repo} --reason "…"`
        : `./millwright autonomy set ${act.step} --repo ${act.repo} --kind ${act.kind} --reason "…"`;
    case 'list-tickets':
      return './millwright ticket list';
    case 'show-ticket':
      return `./millwright ticket show ${act.id}`;
    case 'answer-ticket':
      return act.again
        ? `./millwright ticket answer ${act.id} "…" --again`
        : `./millwright ticket answer ${act.id} "…"`;
    case 'list-runs':
      return './millwright run list';
    case 'show-run':
      return `./millwright run show ${act.id}`;
    case 'watch-run':
      return `./millwright run watch ${act.id}`;
    case 'cancel-run':
      return `./millwright run cancel ${act.id}`;
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
    case 'lift-quarantine':
      return `./millwright release lift ${act.id} --reason "…"`;
    case 'show-targets':
      return './millwright rollback status';
    case 'roll-back':
      return ['./millwright rollback', act.id, act.repo && `--repo ${act.repo}`].filter(Boolean).join(' ');
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
    case 'start-witness':
      return 'millwright witness --data DIR --factory URL';
    case 'add-model':
      return `./millwright model add ${act.model} --input USD --output USD`;
    case 'rebuild-views':
      return './millwright views rebuild';
    case 'show-trail':
      return act.since === undefined
        ? './millwright trail show --last 1'
        : `./millwright trail show --since ${act.since}`;
    case 'verify-trail':
      return './millwright trail verify';
    case 'export-evidence':
      return `./millwright trail export --evidence soc2 --since ${act.since ?? 'POSITION'}`;
  }
}

/** The command that lifts a halt of this scope. */
function resumeCommand(scope: HaltScope): string {
  switch (scope.kind) {
    case 'factory':
      return './millwright resume --reason "…"';
    case 'unit':
      return `./millwright resume --unit ${scope.unit} --reason "…"`;
    case 'repo':
      return `./millwright resume --repo ${scope.repo} --reason "…"`;
    case 'action':
      return `./millwright resume --action ${scope.action} --reason "…"`;
    case 'model':
      return `./millwright resume --model ${scope.model} --reason "…"`;
    case 'runner':
      return `./millwright runner resume ${scope.runner} --reason "…"`;
  }
}

type Said = { acts: readonly Act[]; hint?: string | undefined };

/** What is to be done next, a step a line: a command of its own has a line of its own. */
export const stepsOf = ({ acts, hint }: Said): string[] => [
  ...(hint === undefined ? [] : [hint]),
  ...acts.map((act) => (act.to === undefined ? commandOf(act) : `${act.to}: ${commandOf(act)}`)),
];

/** The same as one line; undefined where nothing is said. */
export function nextOf(next: Said): string | undefined {
  const steps = stepsOf(next);
  return steps.length === 0 ? undefined : steps.join('; ');
}
