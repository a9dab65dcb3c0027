import type { BudgetView } from '@millwright/api';
import { useState } from 'react';
import { call } from '../api/client.ts';
import { useAnswer } from '../api/queries.ts';
import { Loaded } from '../parts/loaded.tsx';
import { Empty } from '../parts/section.tsx';
import { ActSheet } from '../parts/sheet.tsx';
import { Tag } from '../parts/status.tsx';
import { capped, widestFirst } from '../words/budget.ts';
import { budgetCommand } from '../words/commands.ts';
import { money } from '../words/format.ts';

/** Another cap, and what it leaves: said before it is set. */
function CapButton({ scopes, known }: { scopes: readonly string[]; known: readonly BudgetView[] }) {
  const [scope, setScope] = useState(scopes[0] ?? 'factory');
  const [usd, setUsd] = useState('');
  const budget = known.find((one) => one.scope === scope);
  const { cap, says, wrong } = capped(usd, budget);
  return (
    <ActSheet
      button={scopes.length === 1 ? 'Cap' : 'Cap something'}
      tone={scopes.length === 1 ? 'plain' : 'accent'}
      title={scopes.length === 1 ? `Cap what ${scope} may spend` : 'Cap what may be spent'}
      confirm={cap === null ? 'Lift the cap' : 'Set the cap'}
      command={(reason) => budgetCommand(scope, cap === null ? 'none' : String(cap), reason)}
      act={async (reason) => {
        if (wrong !== null) throw new Error(wrong);
        await call('setBudget', { body: { scope, usd: cap, reason } });
        return cap === null ? `${scope} has no cap of its own.` : `${scope} may spend ${money(cap)}.`;
      }}
    >
      {scopes.length === 1 ? null : (
        <label className="field">
          Of
          <select value={scope} onChange={(event) => setScope(event.target.value)}>
            {scopes.map((one) => (
              <option key={one}>{one}</option>
            ))}
          </select>
        </label>
      )}
      <label className="field">
        US dollars in all; nothing lifts the cap
        <input inputMode="decimal" value={usd} onChange={(event) => setUsd(event.target.value)} />
      </label>
      <p>{wrong ?? says}</p>
    </ActSheet>
  );
}

export function Budgets() {
  const budgets = useAnswer('listBudgets', { query: { limit: 500 } });
  const repos = useAnswer('listRepos', { query: { limit: 500 } }).data ?? [];
  const units = useAnswer('listUnits', { query: { limit: 500 } }).data ?? [];
  const scopes = [
    'factory',
    ...units.map(({ name }) => `unit/${name}`),
    ...repos.map(({ name }) => `repo/${name}`),
  ];
  return (
    <>
      <h1>Budgets</h1>
      <p className="quiet">
        A model is called only where every scope that the call is taken from can still pay for the most that
        it may cost.
      </p>
      <Loaded of={budgets} lines={6}>
        {(all) => (
          <>
            <div className="acts">
              <CapButton scopes={scopes} known={all} />
            </div>
            {all.length === 0 ? (
              <Empty>
                <p>Nothing was spent, and nothing is capped.</p>
              </Empty>
            ) : (
              // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls is scrolled by keys too
              <section className="scroll-x" tabIndex={0} aria-label="Budgets">
                <table>
                  <thead>
                    <tr>
                      <th scope="col">Scope</th>
                      <th scope="col">Spent</th>
                      <th scope="col">Reserved</th>
                      <th scope="col">Cap</th>
                      <th scope="col">Left</th>
                      <th scope="col">Change it</th>
                    </tr>
                  </thead>
                  <tbody>
                    {widestFirst(all).map((one) => {
                      const left =
                        one.capUsd === null
                          ? null
                          : one.capUsd - one.spentUsd - one.reservedUsd - one.overrunUsd;
                      return (
                        <tr key={one.scope}>
                          <th scope="row">{one.scope}</th>
                          <td>{money(one.spentUsd + one.overrunUsd)}</td>
                          <td>{money(one.reservedUsd)}</td>
                          <td>{one.capUsd === null ? 'none' : money(one.capUsd)}</td>
                          <td>
                            {left === null ? '' : left > 0 ? money(left) : <Tag tone="bad">✕ spent</Tag>}
                          </td>
                          <td>
                            <CapButton scopes={[one.scope]} known={all} />
                          </td>
                        </tr>
                      );
                    })}
                  </tbody>
                </table>
              </section>
            )}
          </>
        )}
      </Loaded>
    </>
  );
}
