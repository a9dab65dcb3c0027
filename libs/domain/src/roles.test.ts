import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { PersonRole, type RoleScope } from './entries/index.ts';
import { type Grant, grantsText, type Place, rolesAt, whyNoGrant } from './roles.ts';

const FACTORY: RoleScope & Place = { kind: 'factory' };
const unit = fc.constantFrom('payments', 'ledger') as fc.Arbitrary<never>;
const repo = fc.constantFrom('shop', 'till') as fc.Arbitrary<never>;
const role = fc.constantFrom(...PersonRole.options);
const scope: fc.Arbitrary<RoleScope> = fc.oneof(
  fc.constant(FACTORY),
  unit.map((unit) => ({ kind: 'unit' as const, unit })),
  repo.map((repo) => ({ kind: 'repo' as const, repo })),
);
const place: fc.Arbitrary<Place> = fc.oneof(
  fc.constant(FACTORY),
  unit.map((unit) => ({ kind: 'unit' as const, unit })),
  fc.tuple(repo, unit).map(([repo, unit]) => ({ kind: 'repo' as const, repo, unit })),
);
const grants = fc.array(fc.record({ role, scope }), { maxLength: 8 });
const RUNS = { numRuns: 1_000 };

describe('the roles of a person at a place', () => {
  test('are those granted for everything, for the unit that it is or is of, and for the repository that it is', () => {
    fc.assert(
      fc.property(grants, place, (own, at) => {
        const reach = new Set([
          'factory',
          ...(at.kind === 'factory' ? [] : [`unit ${at.unit}`]),
          ...(at.kind === 'repo' ? [`repo ${at.repo}`] : []),
        ]);
        const name = (one: RoleScope) => Object.values(one).join(' ');
        const expected = own.filter((one) => reach.has(name(one.scope))).map((one) => one.role);
        expect(new Set(rolesAt(own, at))).toEqual(new Set(expected));
      }),
      RUNS,
    );
  });

  test('are no fewer with another grant, and in a unit never more than in each of its repositories', () => {
    fc.assert(
      fc.property(grants, role, scope, repo, unit, (own, role, scope, repo, unit) => {
        const [whole, part] = [{ kind: 'unit', unit } as const, { kind: 'repo', repo, unit } as const];
        const has = new Set(rolesAt(own, part));
        for (const one of rolesAt(own, FACTORY)) expect(rolesAt(own, whole)).toContain(one);
        for (const one of rolesAt(own, whole)) expect(has).toContain(one);
        for (const one of has) expect(rolesAt([...own, { role, scope }], part)).toContain(one);
      }),
      RUNS,
    );
  });
});

test('nobody gives what would let others do more than they may: only one of the factory gives what they have not', () => {
  const placed = (of: RoleScope, unit: never): Place => (of.kind === 'repo' ? { ...of, unit } : of);
  fc.assert(
    fc.property(grants, role, scope, unit, place, (own, role, scope, unit, at) => {
      const to = placed(scope, unit);
      if (whyNoGrant(own, role, to) !== null || rolesAt(own, FACTORY).includes('admin')) return;
      expect(rolesAt(own, to)).toContain('admin');
      // Of a repository in another unit by then the question is another.
      if (at.kind === 'repo' && scope.kind === 'repo' && at.unit !== unit) return;
      const given: Grant[] = [{ role, scope }];
      for (const one of rolesAt(given, at)) expect(rolesAt(own, at)).toContain(one);
    }),
    RUNS,
  );
});

test('says which role is missing to give one', () => {
  const of = (unit: string): RoleScope & Place => ({ kind: 'unit', unit: unit as never });
  const admin: Grant = { role: 'admin', scope: of('payments') };
  expect(whyNoGrant([admin], 'admin', of('payments'))).toBeNull();
  expect(whyNoGrant([admin], 'approver', of('payments'))).toBe('approver');
  expect(whyNoGrant([admin], 'admin', of('ledger'))).toBe('admin');
  expect(whyNoGrant([admin], 'admin', FACTORY)).toBe('admin');
  expect(whyNoGrant([{ role: 'admin', scope: FACTORY }], 'approver', of('ledger'))).toBeNull();
  expect(
    grantsText([admin, { role: 'author', scope: FACTORY }, { role: 'approver', scope: of('payments') }]),
  ).toBe('admin, approver of unit payments; author of the factory');
  expect(grantsText([])).toBe('no role');
});
