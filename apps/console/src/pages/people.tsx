import type { PersonView } from '@millwright/api';
import { useAnswer } from '../api/queries.ts';
import { Command } from '../parts/copy.tsx';
import { Loaded } from '../parts/loaded.tsx';
import { Output } from '../parts/output.tsx';
import { Section } from '../parts/section.tsx';
import { Tag } from '../parts/status.tsx';
import { When } from '../parts/time.tsx';

type Scope = PersonView['grants'][number]['scope'];
function whereOf(scope: Scope): string {
  if (scope.kind === 'factory') return '';
  return scope.kind === 'unit' ? ` of unit ${scope.unit}` : ` of ${scope.repo}`;
}

/** Who there is, with which roles where; and the units. What changes either is done on the command line. */
export function People() {
  const people = useAnswer('listPeople', { query: { limit: 500 } });
  const units = useAnswer('listUnits', { query: { limit: 500 } });
  return (
    <>
      <h1>People</h1>
      <Loaded of={people} lines={6}>
        {(all) => (
          <ul className="lines-list">
            {all.map(({ id, name, grants, state, expiresAt }) => (
              <li key={id}>
                <strong>{name}</strong>
                {grants.map(({ role, scope }) => (
                  <Tag key={role + whereOf(scope)}>
                    {role}
                    {whereOf(scope)}
                  </Tag>
                ))}
                {state === 'enrolled' ? null : (
                  <span className="quiet">
                    {state}
                    {expiresAt === null ? null : (
                      <>
                        , the code until <When at={expiresAt} />
                      </>
                    )}
                  </span>
                )}
                <code className="quiet">{id}</code>
              </li>
            ))}
          </ul>
        )}
      </Loaded>
      <Command>./millwright person invite NAME --roles approver</Command>
      <Section title="Units">
        <Loaded of={units}>
          {(all) => (
            <ul className="lines-list">
              {all.map(({ name, repos, policy }) => (
                <li key={name}>
                  <strong>{name}</strong>
                  <span>{repos.join(', ') || 'no repositories'}</span>
                  {policy === null ? null : (
                    <details>
                      <summary>its own policy</summary>
                      <Output text={policy} />
                    </details>
                  )}
                </li>
              ))}
            </ul>
          )}
        </Loaded>
      </Section>
    </>
  );
}
