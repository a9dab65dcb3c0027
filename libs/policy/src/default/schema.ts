// Cedar's schema, as text in a module: the library is pure and reads no files.

export const SCHEMA = `
// What a policy may read. Facts are computed by the factory (libs/domain facts.ts); libs/policy context.ts turns them into this.
entity Factory;
entity Repository;

type Ticket = {
  kind: String,
  authorTrusted: Bool,
  askedByPerson: Bool,
};

type Change = {
  risk: String,             // "trivial" | "low" | "raised"
  reasons: Set<String>,     // codes
  files: Long,
  filesDeleted: Long,       // one that is moved or renamed goes from where it was
  lines: Long,
  protectedPaths: Set<String>,
  sensitivePaths: Set<String>,
  manifests: Set<String>,
  testsWeakened: Long,
  irreversible: Long,
  secrets: Long,
  unreadable: Long,         // files meant as text that are none
  cannotTell: Long,         // files that could not be searched
};

action start appliesTo {
  principal: Factory, resource: Repository,
  context: { step: Long, approvals: Long, halted: Bool, budgetLeftCents: Long, ticket: Ticket },
};

action merge appliesTo {
  principal: Factory, resource: Repository,
  context: {
    step: Long, approvals: Long, halted: Bool, budgetLeftCents: Long, ticket: Ticket, change: Change, quarantined: Long,
    testVerdict: String, testOfThisTree: Bool, testNamesKnown: Bool,
    reviewVerdict: String, reviewOfThisPatch: Bool, baseRewritten: Bool,
  },
};

action deploy appliesTo {
  principal: Factory, resource: Repository,
  context: {
    step: Long, approvals: Long, halted: Bool, budgetLeftCents: Long, ticket: Ticket, change: Change, quarantined: Long,
    testVerdict: String, testOfThisTree: Bool, testNamesKnown: Bool,
    undoPossible: Bool, undoRehearsed: Bool, frozen: Bool, flips: Long, undecided: Long,
  },
};
`;
