import { z } from 'zod';
import { Act } from './acts.ts';

/** As docs/commands.md has them. */
export const ExitCode = z.literal([1, 2, 3, 4, 5, 6, 7, 8]);
export type ExitCode = z.infer<typeof ExitCode>;

export type ErrorKind = {
  readonly status: number;
  readonly exitCode: ExitCode;
  /** The same for every problem of the code. */
  readonly title: string;
  /** What to do next, where that is the same for every problem of the code. */
  readonly acts: readonly Act[];
};

const kind = (status: number, exitCode: ExitCode, title: string, ...acts: Act[]): ErrorKind => ({
  status,
  exitCode,
  title,
  acts,
});
const unfit = (title: string, ...acts: Act[]) => kind(422, 1, title, ...acts);
const badInput = (title: string, ...acts: Act[]) => kind(422, 2, title, ...acts);
const against = (title: string, ...acts: Act[]) => kind(409, 1, title, ...acts);
const unknownCaller = (title: string, ...acts: Act[]) => kind(401, 4, title, ...acts);

/** Every problem that the factory tells of: its status and exit code are looked up here by its code, and nowhere else decided. */
export const ERRORS = {
  // The request
  'bad-request': kind(400, 2, 'The request does not fit'),
  'body-too-large': kind(413, 2, 'The request is too large'),
  'no-such-route': kind(404, 1, 'There is no such route'),
  'not-found': kind(404, 1, 'There is no such thing'),
  'unknown-filter': kind(404, 2, 'The filter names what is not there'),
  'bad-cursor': badInput('The cursor is of another list', { act: 'leave-out', field: 'cursor' }),

  // Who asks
  'no-token': unknownCaller('No token was given', { act: 'sign-in' }),
  'bad-token': unknownCaller("The token is nobody's", { act: 'sign-in' }),
  'bad-invitation': unknownCaller('The code opens nothing', {
    act: 'rotate-person',
    to: 'ask an administrator for another',
  }),
  'invitation-expired': kind(410, 4, 'The invitation has expired', {
    act: 'rotate-person',
    to: 'ask an administrator for another',
  }),
  'not-signed': unknownCaller('The alert is not signed'),
  forbidden: kind(403, 4, 'Not allowed'),

  // People
  'is-admin': against('It is the first administrator'),
  'own-role': kind(403, 4, 'Nobody grants a role to themselves', {
    act: 'list-people',
    to: 'another administrator grants it',
  }),
  'bad-attestation': badInput('That cannot be attested'),
  'not-linked': against('That account is not theirs', { act: 'list-people', to: 'what is linked' }),
  'account-taken': against("That account is another person's", { act: 'list-people', to: 'whose it is' }),
  'not-granted': against('The role was not granted there', { act: 'list-people', to: 'what is granted' }),
  exists: against('There is one already'),
  'bad-name': unfit('That cannot be a name'),

  // Repositories
  'repo-refused': unfit('That repository is not taken'),
  'token-unused': unfit('The address takes no token'),
  'not-connected': against('The repository is connected to nowhere'),
  'not-steered': against('No agent is at work that could be told'),
  'place-refused': unfit('The place outside refuses'),
  'place-away': kind(503, 1, 'The place outside does not answer'),
  'place-busy': kind(503, 1, 'The place outside asks to wait'),
  'place-unsaid': kind(503, 1, 'The place outside took it and does not have it'),
  'repo-unreachable': unfit('The repository cannot be reached'),
  'repo-no-branch': unfit('The repository has no such branch'),
  'repo-not-git': unfit('That is no git repository'),
  'repo-empty': unfit('The repository is empty'),
  'repo-too-large': unfit('The repository is too large'),
  'bad-config': unfit('millwright.yaml does not fit'),
  'not-set-up': unfit('The repository is not set up', { act: 'list-repos', to: 'all that is missing' }),
  'cannot-go-back': unfit('Its target cannot go back'),

  // Tickets
  'ticket-too-large': kind(413, 2, 'The ticket is too long'),
  'bad-front-matter': badInput('The front matter does not fit'),
  'no-title': badInput('The ticket has no title'),
  'no-question': against('Nothing was asked'),
  done: against('It is done'),

  // Runs and gates
  'no-change': against('There is no change yet'),
  'not-cancelled': against('The run was not cancelled'),
  'not-retried': against('The run does not go on'),
  'not-recorded': against('The answer was not recorded'),
  'asked-anew': against('The gate is asked anew'),
  denied: kind(409, 5, 'It was denied'),

  // Units
  'bad-policy': unfit('The policy is not taken'),

  // Autonomy
  frozen: against('The target is frozen'),
  'above-repository': against('A kind of change cannot go further than its repository'),
  'not-earned': against('The raise was not earned'),
  'one-step': against('Raised by one step at a time'),

  // Releases and targets
  'nothing-deployed': against('Nothing is deployed', { act: 'list-releases' }),
  'which-repository': against('Say which repository'),
  'nothing-to-roll-back': against('There is nothing to go back to'),
  'nothing-to-undo': against('There is nothing to undo', { act: 'show-targets' }),
  'release-gone': against('The release cannot be gone back to', {
    act: 'show-targets',
    to: 'for another one',
  }),
  'rollback-failed': kind(502, 1, 'Going back failed', { act: 'show-targets' }),
  'not-frozen': against('The target is not frozen', { act: 'show-targets' }),
  'no-canary': against('There is no such canary'),
  'not-paused': against('The canary is not paused'),
  'not-quarantined': against('It is not in quarantine', { act: 'show-quarantine' }),

  // Halts
  'still-halted': against('Its unit is halted'),
  'not-halted': against('Nothing of that is halted', { act: 'list-runs' }),
  halted: against('It is halted'),

  /** What was seen a moment ago is so no more. */
  'not-due': against('It is not to be recorded now'),

  // The trail
  'no-entry': kind(404, 1, 'There is no such entry', { act: 'show-trail' }),
  'no-run': kind(404, 1, 'There is no such run', { act: 'list-runs' }),
  'no-key': kind(503, 1, 'There is no checkpoint key yet'),
  'too-large': unfit('The bundle would be too large'),
  'too-much': unfit('That is more than one pack holds'),
  'no-redactor': kind(501, 1, 'This factory may not erase'),
  'not-a-signature': unfit('These are no signature lines'),
  'cosignature-refused': unfit('The cosignature was refused'),
  'bad-alert': unfit('The alert does not fit'),
  'entries-missing': kind(503, 1, 'Entries are missing from what is listed', { act: 'rebuild-views' }),
  unsealed: kind(503, 8, 'It is not sealed yet'),
  'trail-tampered': kind(500, 7, 'The trail does not verify', { act: 'verify-trail' }),
  'trail-gap': kind(500, 7, 'The trail has a gap', { act: 'verify-trail' }),

  // The factory
  busy: kind(503, 1, 'Others are writing'),
  'store-unreachable': kind(503, 1, 'The database does not answer', {
    act: 'roll-back-offline',
    to: "to go back by hand meanwhile, on the factory's machine",
  }),
  standby: kind(503, 3, 'Another orchestrator has the factory'),
  /** Will do later. What is told under another code, and is not in this list, is told as one of these two. */
  unavailable: kind(503, 1, 'Not now'),
  internal: kind(500, 1, 'The factory failed at this'),
} as const satisfies Record<string, ErrorKind>;

export type ErrorCode = keyof typeof ERRORS;
export const isErrorCode = (code: string): code is ErrorCode => Object.hasOwn(ERRORS, code);

/** RFC 9457, `application/problem+json`: what happened, what was kept, what to do next. */
export const Problem = z.object({
  type: z.string(),
  title: z.string(),
  status: z.number().int(),
  detail: z.string(),
  code: z.string(),
  exitCode: ExitCode,
  kept: z.string().optional(),
  /** What to do next, where no act says it. */
  hint: z.string().optional(),
  acts: z.array(Act),
});
export type Problem = z.infer<typeof Problem>;

export type ProblemDetails = { kept?: string; hint?: string; acts?: readonly Act[] };

/** `as`: what is not in the registry is told as one that is, by its own code. */
export function problemOf(
  as: ErrorCode,
  detail: string,
  { acts, ...rest }: ProblemDetails = {},
  code: string = as,
): Problem {
  const { status, exitCode, title, acts: always } = ERRORS[as];
  return {
    type: `urn:millwright:problem:${code}`,
    ...{ title, status, detail, code, exitCode },
    ...rest,
    acts: [...(acts ?? always)],
  };
}
