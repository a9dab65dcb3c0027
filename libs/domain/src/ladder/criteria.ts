/** What a step of the ladder asks for. `measured`: from the trail, as `how` says; the others a person attests. */
export type Criterion = { readonly id: string; readonly says: string } & (
  | { readonly measured: true; readonly how: string }
  | { readonly measured: false }
);
export type LadderStep = {
  readonly step: number;
  readonly name: string;
  readonly machines: string;
  readonly people: string;
  /** What has to hold before the next step; of the last one, what has to hold on it. */
  readonly criteria: readonly Criterion[];
};

const attested = (id: string, says: string): Criterion => ({ id, says, measured: false });
const measured = (id: string, says: string, how: string): Criterion => ({ id, says, measured: true, how });

const inUse = (days: number, step: number): Criterion =>
  measured(
    `use-${step}`,
    `${days === 365 ? 12 : days / 30} months of use at this step`,
    `days since every repository came to step ${step} or above and stayed there; and a run that was done in each of the last three times 30 days`,
  );
const noIncident = (days: number, step: number, says: string): Criterion =>
  measured(
    `no-incident-${step}`,
    says,
    `incidents of these repositories in the last ${days} days, critical or not: the trail keeps no severity; unknown while nothing was released`,
  );
/** Rates are met by what is shown for sure, not by few that went well. */
const BOUND = 'met once the exact 95 % bound (Clopper-Pearson) of the failures is below that';

/** The steps of the autonomy ladder. */
export const LADDER: readonly LadderStep[] = [
  {
    step: 0,
    name: 'individual help',
    machines: 'suggest code, tests, messages',
    people: 'everything that counts',
    criteria: [
      attested('ai-tools-used', 'more than 50 % of engineers used AI tools in 30 days'),
      attested('no-leak', 'no known leak to a provider'),
      attested('security-informed', 'security is informed'),
    ],
  },
  {
    step: 1,
    name: 'structured',
    machines: 'company-provisioned tools, shared prompts, review assistant',
    people: 'design, final review, incidents',
    criteria: [
      attested('tools-provisioned', 'all use provisioned tools'),
      attested('prompt-templates', 'more than 20 shared prompt templates'),
      attested('cycle-time', 'cycle time of pull requests is down by 15 to 25 %'),
      attested('vulnerability-density', 'vulnerability density is not up'),
    ],
  },
  {
    step: 2,
    name: 'shared knowledge',
    machines: 'answer "how does our system do X" with sources, respecting permissions',
    people: 'curate, write code, deploy',
    criteria: [
      attested('questions-answerable', 'more than 80 % of such questions can be answered'),
      attested('newcomers', 'first pull request of a newcomer within 7 days'),
      attested('post-mortems', 'post-mortems of 2 years are found'),
      attested('access-verified', 'access is verified'),
    ],
  },
  {
    step: 3,
    name: 'workflow',
    machines:
      'review every pull request, approve trivial ones, diagnose red builds, changelog, page on incident',
    people: 'hard reviews, P1 command',
    criteria: [
      measured(
        'review-active',
        'review is active on all repositories',
        'repositories with a merge of the last 90 days that an agent reviewed, of all',
      ),
      measured(
        'unattended-errors',
        'less than 1 % of what nobody approved was wrong',
        `of runs that merged in the last 90 days without any act of a person (trivial ones among them): reverted, rolled back, or named by an incident since; ${BOUND}`,
      ),
      attested('diagnosis', 'incident diagnosis is right in more than 80 %'),
      attested('time-to-detect', 'time to detect is down by 40 % or more'),
    ],
  },
  {
    step: 4,
    name: 'measured',
    machines: 'DORA, anomaly detection, debt and vulnerability trends, cost per feature',
    people: 'strategy, governance',
    criteria: [
      measured(
        'dora-improving',
        'DORA metrics improve for 3 months',
        'deployments, change lead time, change failure and recovery of the last 30 days beside those of 60 to 90 days ago: none worse, one better; unknown where one of the three months has no deployment',
      ),
      attested('anomalies', 'fewer than 10 % of anomalies are false'),
      attested('return', 'return per tool is documented'),
    ],
  },
  {
    step: 5,
    name: 'agent teams',
    machines: "a person's planning, coding, review, ops and research agents; an overnight report",
    people: 'review and approve every change',
    criteria: [
      inUse(90, 5),
      attested('output', 'at least 3 times the output at held quality'),
      noIncident(90, 5, 'no critical incident from agent code'),
      attested('satisfaction', 'satisfaction above 75 %'),
    ],
  },
  {
    step: 6,
    name: 'autonomous department',
    machines:
      'standard features, known bug categories, non-breaking security patches, infrastructure and docs: ticket to production',
    people: 'new architecture, risk, novel incidents, what may be deployed unattended',
    criteria: [
      inUse(180, 6),
      noIncident(180, 6, 'no critical incident from autonomous deployments'),
      measured(
        'self-healing',
        'self-healing above 99 %',
        `differences between what serves and the trail, of the last 180 days, that the factory did not mend; ${BOUND} 1 %`,
      ),
      attested('security-posture', 'security posture is held'),
    ],
  },
  {
    step: 7,
    name: 'autonomous enterprise',
    machines:
      'requirements to monitoring; refactoring, dependency and performance work found and done unasked',
    people: 'what and why, novel systems, security governance',
    criteria: [
      inUse(365, 7),
      attested('reliability', 'reliability above 99.9 %'),
      attested('continuous', 'continuous optimisation without a hand'),
    ],
  },
];

/** Every criterion by its id. */
export const CRITERIA: ReadonlyMap<string, Criterion> = new Map(
  LADDER.flatMap(({ criteria }) => criteria.map((one) => [one.id, one] as const)),
);
