import { type RepoView, STEP_NAMES } from '@millwright/api';
import { useState } from 'react';
import { call } from '../api/client.ts';
import { useAnswer } from '../api/queries.ts';
import { Loaded } from '../parts/loaded.tsx';
import { Empty } from '../parts/section.tsx';
import { ActSheet } from '../parts/sheet.tsx';
import { Tag } from '../parts/status.tsx';
import { When } from '../parts/time.tsx';
import { stepCommand } from '../words/commands.ts';
import { between, STEP_ROWS } from '../words/steps.ts';
import { KINDS, type Kind, stepFor } from '../words/ticket-file.ts';

const STEPS = STEP_NAMES.map((name, step) => ({ name, step }));

/** Another step, and what is decided by somebody else then: said before it is set. */
function StepButton({ repo }: { repo: RepoView }) {
  const [step, setStep] = useState(repo.step);
  const [kind, setKind] = useState<Kind | ''>('');
  const now = kind === '' ? repo.step : stepFor(repo, kind);
  const ceiling = repo.ceiling ?? 7;
  const changes = between(Math.min(now, ceiling), Math.min(step, ceiling));
  return (
    <ActSheet
      button="Set the step"
      tone="accent"
      title={`How far machines go by themselves in ${repo.name}`}
      confirm={`Set step ${step}`}
      command={(reason) => stepCommand(repo.name, step, kind, reason)}
      act={async (reason) => {
        const body = { step, reason, ...(kind === '' ? {} : { kind }) };
        await call('setStep', { params: { repo: repo.name }, body });
        return `${repo.name}${kind === '' ? '' : `, ${kind} changes,`} is at step ${step}.`;
      }}
    >
      <label className="field">
        Step
        <select value={step} onChange={(event) => setStep(Number(event.target.value))}>
          {STEPS.map((one) => (
            <option key={one.step} value={one.step}>
              {one.step}, {one.name}
              {one.step === now ? ' (as it is)' : ''}
            </option>
          ))}
        </select>
      </label>
      <label className="field">
        Of
        <select
          value={kind}
          onChange={(event) => setKind(KINDS.find((one) => one === event.target.value) ?? '')}
        >
          <option value="">all changes</option>
          {KINDS.map((one) => (
            <option key={one} value={one}>
              {one} changes alone
            </option>
          ))}
        </select>
      </label>
      {changes.length === 0 ? (
        <p>Nothing is decided by somebody else then.</p>
      ) : (
        <div>
          <p>With the policy that is built in, from then on:</p>
          <ul>
            {changes.map(({ name, was, will }) => (
              <li key={name}>
                {name}: {was} → <strong>{will}</strong>
              </li>
            ))}
          </ul>
        </div>
      )}
      {step > ceiling ? (
        <p>Its millwright.yaml allows {ceiling}: what is above that is set and not used.</p>
      ) : null}
      <p className="quiet">
        {step > now
          ? 'Raising it is for an administrator. '
          : 'Anybody may lower it, and runs under way are judged by it from their next gate on. '}
        A policy of the factory, a unit or the repository can only ask more people.
      </p>
    </ActSheet>
  );
}

export function Autonomy() {
  const repos = useAnswer('listRepos', { query: { limit: 500 } });
  return (
    <>
      <h1>Autonomy</h1>
      <Loaded of={repos} lines={6}>
        {(all) =>
          all.length === 0 ? (
            <Empty>
              <p>There is no repository yet: take one first.</p>
            </Empty>
          ) : (
            <div className="cards">
              {all.map((repo) => (
                <article key={repo.name} className="card">
                  <h2>{repo.name}</h2>
                  <p>
                    <strong>Step {repo.step}</strong>, {STEP_NAMES[repo.step]}
                  </p>
                  <span className="ladder" aria-hidden="true">
                    {STEPS.map((one) => (
                      <i key={one.step} data-on={one.step <= repo.step} />
                    ))}
                  </span>
                  {repo.ceiling !== null && repo.ceiling < repo.step ? (
                    <p>
                      <Tag tone="wait">its file allows {repo.ceiling}</Tag> which is what counts.
                    </p>
                  ) : null}
                  {repo.demoted.map((one) => (
                    <p key={one.kind}>
                      <Tag tone="wait">
                        {one.kind} at {one.step}
                      </Tag>{' '}
                      since <When at={one.since} />
                      {one.release === null ? '' : `, when ${one.release} was rolled back`}; {one.served} of{' '}
                      {one.needed} good releases since
                      {one.earned === null ? '' : `: it has earned ${one.earned}`}.
                    </p>
                  ))}
                  <div className="acts">
                    <StepButton key={repo.step} repo={repo} />
                  </div>
                </article>
              ))}
            </div>
          )
        }
      </Loaded>
      <section className="section" aria-label="What each step means">
        <h2>Who lets it pass, step by step</h2>
        {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls is scrolled by keys too */}
        <section className="scroll-x" tabIndex={0} aria-label="Who lets a gate pass at each step">
          <table>
            <thead>
              <tr>
                <th scope="col">Gate</th>
                {STEPS.map(({ step }) => (
                  <th key={step} scope="col">
                    {step}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {STEP_ROWS.map(({ name, by }) => (
                <tr key={name}>
                  <th scope="row">{name}</th>
                  {STEPS.map(({ step }) => (
                    <td key={step}>{by[step]}</td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </section>
        <p className="quiet">
          At every step two people let pass what is protected or cannot be taken back, and nobody is asked for
          the way back.
        </p>
      </section>
    </>
  );
}
