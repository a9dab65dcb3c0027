import type { Act } from '@millwright/api';
import type { RunTab } from './tabs.ts';

type Said = { text: string; place: string | null; tab?: RunTab };

/** What an act is called here, and the page on which it is done: null for what only the command line does. */
export function sayAct(act: Act): Said {
  const said = saidOf(act);
  return act.to === undefined ? said : { ...said, text: `${said.text}, ${act.to}` };
}

function saidOf(act: Act): Said {
  switch (act.act) {
    case 'give':
      return {
        text: `Give ${act.field}${act.values === undefined ? '' : `: ${act.values.join(' or ')}`}`,
        place: null,
      };
    case 'leave-out':
      return { text: `Leave out ${act.field}`, place: null };
    case 'sign-in':
      return { text: 'Sign in with a token of this factory', place: null };
    case 'sign-in-as':
      return { text: `Sign in as somebody who is ${act.role}`, place: null };
    case 'grant-role':
      return { text: `Give somebody the role ${act.role}`, place: '/people' };
    case 'invite-person':
      return { text: `Invite somebody who is ${act.role}`, place: '/people' };
    case 'list-people':
      return { text: 'See who there is', place: '/people' };
    case 'rotate-person':
      return { text: 'Have the token replaced by an administrator', place: '/people' };
    case 'list-units':
      return { text: 'See the units', place: '/people' };
    case 'list-runners':
      return { text: 'The runners: ./millwright runner list', place: null };
    case 'add-repo':
      return { text: 'Take a repository', place: '/repositories' };
    case 'list-repos':
      return { text: 'See the repositories', place: '/repositories' };
    case 'connect-repo':
      return { text: `Connect ${act.repo} to GitHub, by the command connect`, place: null };
    case 'check-connection':
      return { text: `What keeps it: ./millwright connect check ${act.repo}`, place: null };
    case 'set-secret':
      return {
        text: `Set the secret ${act.name}${act.repo === undefined ? '' : ` of ${act.repo}`}`,
        place: '/repositories',
      };
    case 'show-budgets':
      return { text: 'See the budgets', place: '/budgets' };
    case 'set-budget':
      return {
        text: `Raise the cap${act.budget === undefined ? '' : ` of ${act.budget}`}`,
        place: '/budgets',
      };
    case 'set-limit':
      return { text: `Raise the limit of ${act.limit}`, place: null };
    case 'show-autonomy':
      return { text: `See the autonomy of ${act.repo}`, place: '/autonomy' };
    case 'set-autonomy':
      return {
        text: `Set ${act.repo}${act.kind === undefined ? '' : `, ${act.kind} changes,`} to step ${act.step}`,
        place: '/autonomy',
      };
    case 'list-tickets':
      return { text: 'See the tickets', place: '/tickets' };
    case 'show-ticket':
      return { text: 'Open the ticket', place: `/tickets/${act.id}` };
    case 'answer-ticket':
      return {
        text: act.again ? 'Say what another run should know' : 'Answer the question',
        place: `/tickets/${act.id}`,
      };
    case 'list-runs':
      return { text: 'See the runs', place: '/runs' };
    case 'show-run':
    case 'watch-run':
      return { text: 'Open the run', place: `/runs/${act.id}` };
    case 'cancel-run':
      return { text: 'Cancel the run', place: `/runs/${act.id}` };
    case 'explain-run':
      return { text: 'See why', place: `/runs/${act.id}`, tab: 'why' };
    case 'show-logs':
      return { text: 'Read its log', place: `/runs/${act.id}`, tab: 'log' };
    case 'retry-run':
      return { text: 'Let it go on', place: `/runs/${act.id}` };
    case 'list-gates':
      return { text: 'See the gates', place: '/gates' };
    case 'show-gate':
    case 'approve-gate':
      return { text: 'Decide at the gate', place: `/gates/${act.id}` };
    case 'list-releases':
    case 'show-targets':
      return { text: 'See what serves', place: '/releases' };
    case 'show-release':
      return { text: 'Open the release', place: `/releases/${act.id}` };
    case 'show-quarantine':
      return { text: 'See the quarantine', place: '/releases' };
    case 'lift-quarantine':
      return { text: 'Lift the quarantine', place: `/releases/${act.id}` };
    case 'roll-back':
      return { text: `Roll back${act.repo === undefined ? '' : ` ${act.repo}`}`, place: '/releases' };
    case 'roll-back-offline':
      return { text: "Roll back on the factory's machine: ./millwright rollback --offline", place: null };
    case 'undo-rollback':
      return { text: 'Forward again to what the rollback left', place: '/releases' };
    case 'abort-canary':
      return { text: `Take the canary of ${act.repo} back`, place: '/releases' };
    case 'promote-canary':
      return { text: `Promote the canary of ${act.repo}`, place: '/releases' };
    case 'thaw-target':
      return { text: `Thaw ${act.repo}`, place: '/releases' };
    case 'resume':
      return { text: `Resume ${scopeText(act.scope)}`, place: '/' };
    case 'check-factory':
      return { text: 'Have the factory checked', place: '/' };
    case 'start-witness':
      return { text: 'Start a witness: millwright witness --data DIR --factory URL', place: null };
    case 'add-model':
      return {
        text: `Say what ${act.model} costs: ./millwright model add ${act.model} --input USD --output USD`,
        place: null,
      };
    case 'rebuild-views':
      return { text: 'Have what is listed made anew: ./millwright views rebuild', place: null };
    case 'show-trail':
      return { text: 'See the trail', place: '/trail' };
    case 'verify-trail':
      return { text: 'Verify the trail', place: '/trail' };
    case 'export-evidence':
      return { text: 'Export the evidence: ./millwright trail export --evidence soc2', place: null };
  }
}

type Scope = Extract<Act, { act: 'resume' }>['scope'];

/** `the factory`, `repository shop`. */
export function scopeText(scope: Scope): string {
  switch (scope.kind) {
    case 'factory':
      return 'the factory';
    case 'unit':
      return `unit ${scope.unit}`;
    case 'repo':
      return `repository ${scope.repo}`;
    case 'action':
      return `every ${scope.action}`;
    case 'model':
      return `model ${scope.model}`;
    case 'runner':
      return `runner ${scope.runner}`;
  }
}
