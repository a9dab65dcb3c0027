// Cedar, as text in a module: the library is pure and reads no files.

export const START = `
// The rows of the ladder for starting a run. approvals counts enrolled approvers other than the requester.

@id("start-asked")
@says("a trusted person asked for it: starts by itself from step 5, before that when a person allows it")
permit (principal, action == Action::"start", resource)
when { context.ticket.askedByPerson && context.ticket.authorTrusted && (context.step >= 5 || context.approvals >= 1) };

@id("start-untrusted")
@says("its author is not trusted: starts when a person allows it, at every step")
permit (principal, action == Action::"start", resource)
when { context.ticket.askedByPerson && !context.ticket.authorTrusted && context.approvals >= 1 };

@id("start-unasked-known")
@says("nobody asked for it, and its kind is a known one: starts by itself from step 6")
permit (principal, action == Action::"start", resource)
when {
  !context.ticket.askedByPerson && context.step >= 6 &&
  ["bug", "security", "dependency", "docs"].contains(context.ticket.kind)
};

@id("start-unasked")
@says("nobody asked for it: starts by itself at step 7, at steps 5 and 6 when a person allows it")
permit (principal, action == Action::"start", resource)
when { !context.ticket.askedByPerson && (context.step >= 7 || (context.step >= 5 && context.approvals >= 1)) };

@id("start-budget")
@says("the budget is spent")
forbid (principal, action == Action::"start", resource)
when { context.budgetLeftCents <= 0 };
`;
