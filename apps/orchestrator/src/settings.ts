/** Bounds of every run. Durations in milliseconds, money in US dollars. */
export type Settings = {
  runMs: number;
  /** What a stage gets of a repository at most: `repo add` refuses what is larger. */
  bundleBytes: number;
  gateMs: number;
  /** A gate that people allowed once, about a change whose base has moved since: others wait behind it. */
  againMs: number;
  questionMs: number;
  /** A person whom a run waits for is called again so often. */
  remindMs: number;
  /** How long a merge or a deploy waits for the seal of what allows it, before it asks again later. */
  sealMs: number;
  /** A database that has been silent for so long is asked whether it answers at all, and is away where that takes as long. */
  silentMs: number;
  /** Between two looks at what serves. */
  healMs: number;
  /** Until a step that failed is tried again for the first time. */
  retryMs: number;
  /** Between two looks at where repositories are connected to, for tickets. What is delivered from there is looked at at once. */
  pollMs: number;
  /** Between two looks for uploads that were never finished. */
  uploadsMs: number;
  /** So many releases of a kind of change that fell a step must come to serve before its raise is proposed. */
  raiseAfter: number;
  /** Of a stage that writes; who only reads gets half. A conversation that is full hands over to the next within them. */
  attempt: { turns: number; wallMs: number; usd: number; conversations: number };
  limits: { reworks: number; attempts: number; tasks: number; rebases: number };
};

export const defaultSettings: Settings = {
  runMs: 24 * 3_600_000,
  bundleBytes: 448 * 1024 * 1024,
  gateMs: 8 * 3_600_000,
  againMs: 15 * 60_000,
  questionMs: 8 * 3_600_000,
  remindMs: 24 * 3_600_000,
  sealMs: 10_000,
  silentMs: 3_000,
  healMs: 2_000,
  retryMs: 500,
  pollMs: 15_000,
  uploadsMs: 600_000,
  raiseAfter: 5,
  attempt: { turns: 400, wallMs: 2 * 3_600_000, usd: 20, conversations: 20 },
  limits: { reworks: 3, attempts: 4, tasks: 12, rebases: 5 },
};
