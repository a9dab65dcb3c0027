// Cedar, as text in a module: the library is pure and reads no files.

export const DEPLOY = `
// The rows of the ladder for deploying. Rolling back is never asked: the permit to deploy includes the permit to undo it.

@id("deploy-trivial")
@says("documents, comments or tests only: deploys by itself from step 6, before that when a person allows it")
permit (principal, action == Action::"deploy", resource)
when { context.change.risk == "trivial" && (context.step >= 6 || context.approvals >= 1) };

@id("deploy-low")
@says("low risk: deploys by itself from step 6, before that when a person allows it")
permit (principal, action == Action::"deploy", resource)
when { context.change.risk == "low" && (context.step >= 6 || context.approvals >= 1) };

@id("deploy-raised")
@says("raised risk: deploys by itself at step 7 when its undo was rehearsed, otherwise when a person allows it")
permit (principal, action == Action::"deploy", resource)
when { context.change.risk == "raised" && ((context.step >= 7 && context.undoRehearsed) || context.approvals >= 1) };

@id("deploy-no-undo")
@says("it cannot be undone: two people allow it, at every step")
forbid (principal, action == Action::"deploy", resource)
when { !context.undoPossible && context.approvals < 2 };

@id("deploy-flapping")
@says("traffic went back and forth to this release already: a person allows it, at every step")
forbid (principal, action == Action::"deploy", resource)
when { context.flips >= 2 && context.approvals < 1 };

@id("deploy-carries")
@says("it carries what waits for people at its own deploy gate: a person allows that too, at every step")
forbid (principal, action == Action::"deploy", resource)
when { context.undecided > 0 && context.approvals < 1 };

@id("deploy-frozen")
@says("the target is frozen")
forbid (principal, action == Action::"deploy", resource)
when { context.frozen };
`;
