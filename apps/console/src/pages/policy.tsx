import type { PolicyView, Replay } from '@millwright/api';
import { Link } from '@tanstack/react-router';
import { useId, useState } from 'react';
import { call } from '../api/client.ts';
import { useAnswer } from '../api/queries.ts';
import { Command } from '../parts/copy.tsx';
import { Loaded } from '../parts/loaded.tsx';
import { Output } from '../parts/output.tsx';
import { Problem } from '../parts/problem.tsx';
import { Empty, Section } from '../parts/section.tsx';
import { Tag } from '../parts/status.tsx';
import { When } from '../parts/time.tsx';
import { short, some, wordsOf } from '../words/format.ts';

const DAY_MS = 86_400_000;

type Layer = PolicyView['layers'][number];

function LayerCard({ layer }: { layer: Layer }) {
  const { source, text, digest, policies, set, problems } = layer;
  return (
    <article className="card">
      <h3>
        {layer.layer} <Tag>{source}</Tag>
      </h3>
      {problems.map((one) => (
        <p key={one} className="why">
          <Tag tone="bad">✕ refused, and every gate with it</Tag> <span className="said">{one}</span>
        </p>
      ))}
      {set === null ? null : (
        <p>
          set by {set.by} <When at={set.at} />: <q>{set.reason}</q> (entry {set.position})
        </p>
      )}
      {text === null ? (
        <p className="quiet">There is none.</p>
      ) : (
        <>
          <ul>
            {policies.map(({ id, effect, says }) => (
              <li key={id}>
                <Tag tone={effect === 'permit' ? 'good' : 'wait'}>{effect}</Tag> <code>{id}</code>{' '}
                <span className="said">{says}</span>
              </li>
            ))}
          </ul>
          <details>
            <summary>Its text{digest === null ? '' : `, ${short(digest)}`}</summary>
            <Output text={text} />
          </details>
        </>
      )}
    </article>
  );
}

const people = ({ decision, approvals }: { decision: string; approvals: number }) =>
  decision === 'needs_approval' ? `${some(approvals, 'person', 'people')} asked` : wordsOf(decision);

/** Which past decisions would be others under another text: before anybody puts it in the place of the one in force. */
function Would({ repo, now }: { repo: string; now: string }) {
  const [text, setText] = useState(now);
  const [found, setFound] = useState<Replay | null>(null);
  const [asking, setAsking] = useState(false);
  const [error, setError] = useState<Error | null>(null);
  const field = useId();
  const ask = async () => {
    setAsking(true);
    setError(null);
    try {
      const policy = text.trim() === '' ? null : text;
      const since = Date.now() - 90 * DAY_MS;
      setFound(
        (
          await call('replayPolicy', {
            body: { scope: { kind: 'repo', repo: repo as never }, policy, since },
          })
        ).value,
      );
    } catch (thrown) {
      setFound(null);
      setError(thrown as Error);
    } finally {
      setAsking(false);
    }
  };
  return (
    <Section title="What another text would have decided">
      <p>
        Decisions of the last 90 days, judged again from the facts that were kept, with this text in the place
        of the repository's own. Nothing is changed by it.
      </p>
      <form
        className="answer policy-text"
        onSubmit={(event) => {
          event.preventDefault();
          if (!asking) void ask();
        }}
      >
        <label className="field" htmlFor={field}>
          The repository's policy, in Cedar; it can only forbid
          <textarea
            id={field}
            rows={8}
            maxLength={32_768}
            spellCheck={false}
            value={text}
            onChange={(event) => setText(event.target.value)}
          />
        </label>
        {error === null ? null : <Problem error={error} />}
        <button type="submit" className="button" data-tone="accent" disabled={asking}>
          {asking ? 'Judging …' : 'Judge again'}
        </button>
      </form>
      {found === null ? null : (
        <div role="status">
          <p>
            {some(found.judged, 'decision')} judged again, {found.flips.length} of them otherwise
            {found.untold === 0 ? '' : `; of ${found.untold} too little was kept`}
            {found.next === null ? '.' : '; older ones are not among them.'}
          </p>
          <ul className="lines-list">
            {found.flips.map((one) => (
              <li key={one.gate}>
                <Tag tone={one.looser ? 'bad' : 'wait'}>{one.looser ? '↓ looser' : '↑ tighter'}</Tag>
                <Link to="/gates/$id" params={{ id: one.gate }}>
                  {one.action} of {one.repo}: {people(one.was)} → {people(one.would)}
                </Link>
                <span className="said quiet">{one.would.reason}</span>
                <When at={one.at} />
              </li>
            ))}
          </ul>
        </div>
      )}
    </Section>
  );
}

function OfRepo({ repo }: { repo: string }) {
  const policy = useAnswer('showPolicy', { params: { repo } });
  return (
    <Loaded of={policy} lines={8}>
      {({ layers, unit }) => (
        <>
          <p className="quiet">
            Gates of {repo}, of unit {unit}, are judged by all of these; any layer after the first can only
            forbid.
          </p>
          <h2>Layers</h2>
          <div className="layers">
            {layers.map((one) => (
              <LayerCard key={one.layer} layer={one} />
            ))}
          </div>
          <Would key={repo} repo={repo} now={layers.find((one) => one.layer === 'repository')?.text ?? ''} />
          <Command>{`./millwright policy show --repo ${repo}`}</Command>
        </>
      )}
    </Loaded>
  );
}

export function Policy() {
  const repos = useAnswer('listRepos', { query: { limit: 500 } });
  const [chosen, setChosen] = useState('');
  return (
    <>
      <h1>Policy</h1>
      <Loaded of={repos}>
        {(all) => {
          const repo = chosen || all[0]?.name;
          return repo === undefined ? (
            <Empty>
              <p>There is no repository yet, and so nothing to be judged.</p>
            </Empty>
          ) : (
            <>
              <div className="filters">
                <label className="field">
                  Repository
                  <select value={repo} onChange={(event) => setChosen(event.target.value)}>
                    {all.map(({ name }) => (
                      <option key={name}>{name}</option>
                    ))}
                  </select>
                </label>
              </div>
              <OfRepo repo={repo} />
            </>
          );
        }}
      </Loaded>
    </>
  );
}
