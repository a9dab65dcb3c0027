import type { RepoView, RunView, TicketView } from '@millwright/api';

export const KINDS = [
  'feature',
  'bug',
  'security',
  'dependency',
  'refactor',
  'docs',
  'performance',
  'incident',
] as const satisfies TicketView['ticket']['kind'][];
export type Kind = (typeof KINDS)[number];

/** A ticket as it is written in a form. */
export type Draft = { title: string; body: string; acceptance: string };

const lines = (text: string): string[] =>
  text
    .split('\n')
    .map((line) => line.replace(/^\s*[-*]\s+/, '').trim())
    .filter((line) => line !== '');

/** The ticket as a file: what a form asks for lies in its front matter, as JSON, which is YAML and needs no care for quotes. */
export function ticketFile({ title, body, acceptance }: Draft): string {
  const wanted = lines(acceptance);
  const front = [
    `title: ${JSON.stringify(title.trim())}`,
    ...(wanted.length === 0 ? [] : [`acceptance: ${JSON.stringify(wanted)}`]),
  ];
  return `---\n${front.join('\n')}\n---\n\n${body.trim()}\n`;
}

/** From this step on a run that a trusted person asks for starts by itself (docs/steps.md). */
const STARTS_ALONE = 5;

/** The step that counts for a ticket of this kind: of the repository, its file's ceiling and what the kind has lost. */
export const stepFor = ({ step, ceiling, demoted }: RepoView, kind: Kind): number =>
  Math.min(step, ceiling ?? step, ...demoted.filter((one) => one.kind === kind).map((one) => one.step));

/** Whether its run will start by itself, said before it is filed. The gate judges it then, and a policy of the repository or its unit can ask people all the same. */
export function startsAlone(repo: RepoView, kind: Kind): { alone: boolean; why: string } {
  const blocking = repo.troubles.find(({ blocks }) => blocks);
  if (blocking !== undefined)
    return { alone: false, why: `It does not start before this is mended: ${blocking.text}` };
  const step = stepFor(repo, kind);
  return step >= STARTS_ALONE
    ? { alone: true, why: `It starts by itself: ${kind} changes of ${repo.name} are at step ${step}.` }
    : {
        alone: false,
        why: `A person allows its start: ${kind} changes of ${repo.name} are at step ${step}.`,
      };
}

export type Usual = { runs: number; shipped: number; medianMs: number; medianUsd: number };

const median = (values: number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;

/** What tickets of this kind took and cost in a repository; null where none has ended. */
export function usual(
  runs: readonly RunView[],
  tickets: readonly TicketView[],
  repo: string,
  kind: Kind,
): Usual | null {
  const kinds = new Map(tickets.map(({ id, ticket }) => [id, ticket.kind]));
  const ended = runs.filter(
    (run) => run.repo === repo && run.endedAt !== null && kinds.get(run.ticket) === kind,
  );
  if (ended.length === 0) return null;
  return {
    runs: ended.length,
    shipped: ended.filter(({ state }) => state === 'done').length,
    medianMs: median(ended.map(({ startedAt, endedAt }) => (endedAt ?? startedAt) - startedAt)),
    medianUsd: median(ended.map(({ usage }) => usage.usd)),
  };
}
