// Cedar, as text in a module: the library is pure and reads no files.

export const MERGE = `
// The rows of the ladder for merging.

@id("merge-trivial")
@says("documents, comments or tests only: merges by itself from step 3, before that when a person allows it")
permit (principal, action == Action::"merge", resource)
when { context.change.risk == "trivial" && (context.step >= 3 || context.approvals >= 1) };

@id("merge-low")
@says("low risk: merges by itself from step 6, before that when a person allows it")
permit (principal, action == Action::"merge", resource)
when { context.change.risk == "low" && (context.step >= 6 || context.approvals >= 1) };

@id("merge-raised")
@says("raised risk: merges by itself at step 7, before that when a person allows it")
permit (principal, action == Action::"merge", resource)
when { context.change.risk == "raised" && (context.step >= 7 || context.approvals >= 1) };

@id("merge-review")
@says("the review of exactly this patch does not approve it, and it is not trivial in a repository that lets trivial changes go without")
forbid (principal, action == Action::"merge", resource)
unless {
  context.reviewOfThisPatch &&
  (context.reviewVerdict == "approve" || (context.reviewVerdict == "skipped" && context.change.risk == "trivial"))
};

@id("merge-tests-reconfigured")
@says("it changes how tests are run, and its ticket does not ask for that: a person allows it, at every step")
forbid (principal, action == Action::"merge", resource)
when { context.change.reasons.contains("tests-reconfigured") && context.approvals < 1 };

@id("merge-stands-before")
@says("a source that it adds may be found in place of one that it changes or leaves: a person allows it, at every step")
forbid (principal, action == Action::"merge", resource)
when { context.change.reasons.contains("stands-before") && context.approvals < 1 };

@id("merge-configuration-link")
@says("it makes what configures tests something else than a file: nobody can allow it")
forbid (principal, action == Action::"merge", resource)
when { context.change.reasons.contains("configuration-link") };

@id("merge-rewritten")
@says("somebody took off the branch what this change was made on: a person allows it, at every step")
forbid (principal, action == Action::"merge", resource)
when { context.baseRewritten && context.approvals < 1 };
`;
