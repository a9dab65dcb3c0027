import type { Act } from '@millwright/api';
import { Link } from '@tanstack/react-router';
import { Failed } from '../api/client.ts';
import { sayAct } from '../words/acts.ts';

/** What can be done next: a link where it is done on these pages, words where it is not. */
export function Next({ acts, hint }: { acts: readonly Act[]; hint?: string | undefined }) {
  if (acts.length === 0 && hint === undefined) return null;
  return (
    <ul className="next">
      {hint === undefined ? null : <li>{hint}</li>}
      {acts.map((act) => {
        const { text, place, tab } = sayAct(act);
        const search = tab === undefined ? {} : { tab };
        return (
          <li key={text}>
            {place === null ? (
              text
            ) : (
              <Link to={place} search={search}>
                {text}
              </Link>
            )}
          </li>
        );
      })}
    </ul>
  );
}

/** Why something is not there or was not done: what happened, what was kept, what to do next. */
export function Problem({ error }: { error: Error }) {
  const problem = error instanceof Failed ? error.problem : null;
  const title =
    problem?.title ?? (error instanceof Failed && error.kind === 'away' ? 'No answer' : 'This went wrong');
  return (
    <div className="problem" role="alert">
      <strong>{title}</strong>
      <p className="said">{problem?.detail ?? error.message}</p>
      {problem?.kept === undefined ? null : <p>What stands: {problem.kept}</p>}
      {problem === null ? null : <Next acts={problem.acts} hint={problem.hint} />}
    </div>
  );
}
