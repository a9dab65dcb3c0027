import { useNavigate } from '@tanstack/react-router';
import { useId, useState } from 'react';
import { call } from '../api/client.ts';
import { reread, useAnswer } from '../api/queries.ts';
import { Loaded } from '../parts/loaded.tsx';
import { Markdown } from '../parts/markdown.tsx';
import { Problem } from '../parts/problem.tsx';
import { Empty } from '../parts/section.tsx';
import { Tag } from '../parts/status.tsx';
import { tell } from '../parts/told.tsx';
import { duration, money, some } from '../words/format.ts';
import { type Draft, KINDS, type Kind, startsAlone, ticketFile, usual } from '../words/ticket-file.ts';

/** What is being written outlives a page that is loaded again; it is gone once it is filed. */
const KEY = 'millwright.draft';
const BLANK: Draft = { title: '', body: '', acceptance: '' };
function kept(): Draft {
  try {
    return { ...BLANK, ...JSON.parse(sessionStorage.getItem(KEY) ?? '{}') };
  } catch {
    return BLANK;
  }
}

/** What such tickets took here so far, and whether this one starts by itself. */
function Before({ repo, kind }: { repo: string; kind: Kind }) {
  const repos = useAnswer('listRepos', { query: { limit: 500 } });
  const runs = useAnswer('listRuns', { query: { limit: 200, repo } });
  const tickets = useAnswer('listTickets', { query: { limit: 200, repo } });
  const halts = useAnswer('listHalts').data?.halts ?? [];
  const chosen = repos.data?.find(({ name }) => name === repo);
  if (chosen === undefined) return null;
  const { alone, why } = startsAlone(chosen, kind);
  const took = usual(runs.data ?? [], tickets.data ?? [], repo, kind);
  return (
    <aside className="card" aria-live="polite">
      <p>
        <Tag tone={alone ? 'good' : 'wait'}>{alone ? 'begins at once' : 'asks first'}</Tag> {why}{' '}
        <span className="quiet">A policy of its repository or unit can ask people all the same.</span>
      </p>
      {halts.length === 0 ? null : (
        <p>Something is stopped now ({halts.map(({ what }) => what).join(', ')}): what is of it waits.</p>
      )}
      <p className="quiet">
        {took === null
          ? `No ${kind} ticket has ended here yet.`
          : `${some(took.runs, `${kind} run`)} ended here lately, ${took.shipped} of them done: half took less than ${duration(took.medianMs)} and ${money(took.medianUsd)}.`}
      </p>
    </aside>
  );
}

export function FileTicket() {
  const [draft, setDraft] = useState(kept);
  const [repo, setRepo] = useState('');
  const [kind, setKind] = useState<Kind>('feature');
  const [preview, setPreview] = useState(false);
  const [filing, setFiling] = useState(false);
  const [error, setError] = useState<Error | null>(null);
  // Sent twice, it is one ticket.
  const [key, setKey] = useState(() => `console/${Date.now()}/${Math.random()}`);
  const navigate = useNavigate();
  const repos = useAnswer('listRepos', { query: { limit: 500 } });
  const field = useId();
  const write = (change: Partial<Draft>) => {
    const next = { ...draft, ...change };
    sessionStorage.setItem(KEY, JSON.stringify(next));
    setDraft(next);
    // Another text is another ticket.
    setKey(`console/${Date.now()}/${Math.random()}`);
  };
  const chosen = repo || repos.data?.[0]?.name || '';
  const file = async () => {
    setFiling(true);
    setError(null);
    try {
      const { value } = await call('fileTicket', {
        headers: { 'idempotency-key': key },
        body: { repo: chosen, kind, markdown: ticketFile(draft) },
      });
      sessionStorage.removeItem(KEY);
      tell('Filed.');
      void reread();
      await navigate({ to: '/tickets/$id', params: { id: value.id } });
    } catch (thrown) {
      setError(thrown as Error);
      setFiling(false);
    }
  };
  return (
    <>
      <h1>File a ticket</h1>
      <Loaded of={repos}>
        {(all) =>
          all.length === 0 ? (
            <Empty>
              <p>There is no repository yet: take one first.</p>
            </Empty>
          ) : (
            <form
              className="file-ticket"
              onSubmit={(event) => {
                event.preventDefault();
                if (draft.title.trim() !== '' && !filing) void file();
              }}
            >
              <div className="filters">
                <label className="field">
                  Repository
                  <select value={chosen} onChange={(event) => setRepo(event.target.value)}>
                    {all.map(({ name }) => (
                      <option key={name}>{name}</option>
                    ))}
                  </select>
                </label>
                <label className="field">
                  Kind
                  <select
                    value={kind}
                    onChange={(event) =>
                      setKind(KINDS.find((one) => one === event.target.value) ?? 'feature')
                    }
                  >
                    {KINDS.map((one) => (
                      <option key={one}>{one}</option>
                    ))}
                  </select>
                </label>
              </div>
              <label className="field">
                What is wanted, in a line
                <input
                  value={draft.title}
                  maxLength={300}
                  onChange={(event) => write({ title: event.target.value })}
                />
              </label>
              <div className="field">
                <span className="section-head">
                  <label htmlFor={field}>More about it, in Markdown</label>
                  <button
                    type="button"
                    className="button"
                    data-size="small"
                    aria-pressed={preview}
                    onClick={() => setPreview(!preview)}
                  >
                    {preview ? 'Write' : 'Preview'}
                  </button>
                </span>
                {preview ? (
                  <Markdown text={draft.body} />
                ) : (
                  <textarea
                    id={field}
                    rows={10}
                    value={draft.body}
                    onChange={(event) => write({ body: event.target.value })}
                  />
                )}
              </div>
              <label className="field">
                When it is done, a line each
                <textarea
                  rows={3}
                  value={draft.acceptance}
                  placeholder="GET /products?search=mug lists the two mugs"
                  onChange={(event) => write({ acceptance: event.target.value })}
                />
              </label>
              <Before repo={chosen} kind={kind} />
              {error === null ? null : <Problem error={error} />}
              <button
                type="submit"
                className="button"
                data-tone="accent"
                disabled={filing || draft.title.trim() === ''}
              >
                {filing ? 'Filing …' : 'File it'}
              </button>
            </form>
          )
        }
      </Loaded>
    </>
  );
}
