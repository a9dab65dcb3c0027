// Cedar, as text in a module: the library is pure and reads no files.

export const ALWAYS = `
// What holds at every step. A forbid beats every permit.

@id("halted")
@says("the factory is halted")
forbid (principal, action, resource)
when { context.halted };

@id("tests")
@says("the tests of exactly this tree did not pass")
forbid (principal, action in [Action::"merge", Action::"deploy"], resource)
unless { context.testOfThisTree && ["passed", "no_tests", "failing_as_on_base"].contains(context.testVerdict) };

@id("untested")
@says("no test of this tree speaks for it (there is none, or what fails fails on the base too): a person allows it, at every step")
forbid (principal, action in [Action::"merge", Action::"deploy"], resource)
when { ["no_tests", "failing_as_on_base"].contains(context.testVerdict) }
unless { context.change.risk == "trivial" || context.approvals >= 1 };

@id("quarantine")
@says("it holds what was rolled back, without its revert: a person can lift that quarantine")
forbid (principal, action in [Action::"merge", Action::"deploy"], resource)
when { context.quarantined > 0 };

@id("secrets")
@says("the change holds what looks like a secret")
forbid (principal, action in [Action::"merge", Action::"deploy"], resource)
when { context.change.secrets > 0 };

@id("unreadable")
@says("a changed file is meant as text and is none: write it in UTF-8, without NUL")
forbid (principal, action in [Action::"merge", Action::"deploy"], resource)
when { context.change.unreadable > 0 };

@id("two-people-cannot-tell")
@says("a changed file could not be searched: two people allow it, at every step")
forbid (principal, action in [Action::"merge", Action::"deploy"], resource)
when { context.change.cannotTell > 0 && context.approvals < 2 };

@id("two-people-protected")
@says("protected paths change: two people allow it, at every step")
forbid (principal, action in [Action::"merge", Action::"deploy"], resource)
unless { context.change.protectedPaths.isEmpty() || context.approvals >= 2 };

@id("two-people-sensitive")
@says("authentication, payment or policy changes: two people allow it, at every step")
forbid (principal, action in [Action::"merge", Action::"deploy"], resource)
unless { context.change.sensitivePaths.isEmpty() || context.approvals >= 2 };

@id("two-people-irreversible")
@says("the change does what cannot be taken back: two people allow it, at every step")
forbid (principal, action in [Action::"merge", Action::"deploy"], resource)
when { context.change.irreversible > 0 && context.approvals < 2 };
`;
