import type { RepoView } from '@millwright/api';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { call } from '../api/client.ts';
import { useAnswer } from '../api/queries.ts';
import { Command } from '../parts/copy.tsx';
import { Loaded } from '../parts/loaded.tsx';
import { Next } from '../parts/problem.tsx';
import { Empty, Fact, Facts } from '../parts/section.tsx';
import { ActSheet } from '../parts/sheet.tsx';
import { Status, Tag } from '../parts/status.tsx';
import { moveCommand } from '../words/commands.ts';

/** Takes a repository; what it lacks is said once it is there. */
function AddButton() {
  const [url, setUrl] = useState('');
  const [name, setName] = useState('');
  const [deliver, setDeliver] = useState<'merge' | 'branch'>('merge');
  return (
    <ActSheet
      button="Take a repository"
      tone="accent"
      title="Take a repository"
      confirm="Take it"
      reason="none"
      act={async () => {
        const body = { url: url.trim(), deliver, ...(name.trim() === '' ? {} : { name: name.trim() }) };
        const { value } = await call('addRepo', { body });
        return `${value.name} is taken, at step ${value.step}.`;
      }}
    >
      <label className="field">
        Where it lies: a path on the factory's machine, or an https, ssh or file address
        <input value={url} maxLength={2_000} onChange={(event) => setUrl(event.target.value)} />
      </label>
      <label className="field">
        What it is called here; nothing: as its address ends
        <input value={name} maxLength={63} onChange={(event) => setName(event.target.value)} />
      </label>
      <label className="field">
        Its changes
        <select
          value={deliver}
          onChange={(event) => setDeliver(event.target.value === 'branch' ? 'branch' : 'merge')}
        >
          <option value="merge">merge onto main, and are deployed where its file says so</option>
          <option value="branch">are left as a branch beside it</option>
        </select>
      </label>
      <p>
        The factory clones it and reads its millwright.yaml. Nothing runs before somebody files a ticket, and
        at first people allow every gate. One that asks for a password is taken on the command line.
      </p>
    </ActSheet>
  );
}

function SecretButton({ repo }: { repo: string }) {
  const [name, setName] = useState('');
  const [value, setValue] = useState('');
  return (
    <ActSheet
      button="Set a secret"
      title={`Set a secret of ${repo}`}
      confirm="Set it"
      reason="none"
      act={async () => {
        const set = (await call('setSecret', { params: { repo }, body: { name: name.trim(), value } })).value;
        setValue('');
        return `${set.name} is set${set.lookedFor ? '' : '; it is too short or too plain a word to be looked for in changes'}. Nobody can read it back.`;
      }}
    >
      <label className="field">
        Its name
        <input value={name} placeholder="DATABASE_URL" onChange={(event) => setName(event.target.value)} />
      </label>
      <label className="field">
        Its value
        <input
          type="password"
          autoComplete="off"
          value={value}
          onChange={(event) => setValue(event.target.value)}
        />
      </label>
      <p>
        A value that is there is replaced; what is deployed has the new one with its next release. It is kept
        encrypted, masked in every answer, and shown to nobody again.
      </p>
    </ActSheet>
  );
}

function MoveButton({ repo, units }: { repo: RepoView; units: readonly string[] }) {
  const others = units.filter((one) => one !== repo.unit);
  const [unit, setUnit] = useState(others[0] ?? '');
  if (others.length === 0) return null;
  return (
    <ActSheet
      button="Move to a unit"
      title={`Make ${repo.name} a repository of another unit`}
      confirm={`Move it to ${unit}`}
      command={(reason) => moveCommand(repo.name, unit, reason)}
      act={async (reason) => {
        await call('moveRepo', { params: { repo: repo.name }, body: { unit: unit as never, reason } });
        return `${repo.name} is of unit ${unit}.`;
      }}
    >
      <label className="field">
        Unit
        <select value={unit} onChange={(event) => setUnit(event.target.value)}>
          {others.map((one) => (
            <option key={one}>{one}</option>
          ))}
        </select>
      </label>
      <p>
        From then on that unit's roles, policy, budget and halts count for it, and those of {repo.unit} no
        more. Where the unit is halted, it goes no further.
      </p>
    </ActSheet>
  );
}

export function Repositories() {
  const repos = useAnswer('listRepos', { query: { limit: 500 } });
  const units = useAnswer('listUnits', { query: { limit: 500 } }).data?.map(({ name }) => name) ?? [];
  return (
    <>
      <h1>Repositories</h1>
      <div className="acts">
        <AddButton />
      </div>
      <Loaded of={repos} lines={6}>
        {(all) =>
          all.length === 0 ? (
            <Empty>
              <p>There is none yet.</p>
              <Command>./millwright repo add /srv/git/shop.git</Command>
            </Empty>
          ) : (
            <div className="cards">
              {all.map((repo) => (
                <article key={repo.name} className="card">
                  <h2>{repo.name}</h2>
                  {repo.troubles.map(({ code, text, fix, blocks }) => (
                    <div key={code} className="why">
                      <Tag tone={blocks ? 'bad' : 'wait'}>
                        {blocks ? '✕ nothing starts' : '! likely to matter'}
                      </Tag>{' '}
                      <span className="said">{text}</span>
                      <Next acts={fix.acts} hint={fix.hint} />
                    </div>
                  ))}
                  {repo.troubles.length === 0 ? (
                    <p>
                      <Status state="done" word="all that it needs is there" />
                    </p>
                  ) : null}
                  <Facts>
                    <Fact name="from">
                      <code>{repo.url}</code>
                    </Fact>
                    <Fact name="branch">{repo.branch}</Fact>
                    <Fact name="unit">{repo.unit}</Fact>
                    <Fact name="changes">
                      {repo.deliver === 'merge' ? 'merge onto it' : 'are left as a branch beside it'}
                    </Fact>
                    <Fact name="step">
                      <Link to="/autonomy">{repo.step} of 7</Link>
                    </Fact>
                    <Fact name="serves">
                      {repo.live === null ? null : (
                        <Link to="/releases/$id" params={{ id: repo.live }}>
                          {repo.live}
                        </Link>
                      )}
                    </Fact>
                    <Fact name="address">{repo.address}</Fact>
                  </Facts>
                  <div className="acts">
                    <Link to="/runs" search={{ repo: repo.name }} className="button">
                      Its runs
                    </Link>
                    <SecretButton repo={repo.name} />
                    <MoveButton repo={repo} units={units} />
                  </div>
                </article>
              ))}
            </div>
          )
        }
      </Loaded>
    </>
  );
}
