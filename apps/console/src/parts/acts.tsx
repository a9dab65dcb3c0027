import type { Halted, RollbackStatus } from '@millwright/api';
import { useState } from 'react';
import { call } from '../api/client.ts';
import { useAnswer } from '../api/queries.ts';
import { scopeText } from '../words/acts.ts';
import {
  abortCommand,
  freezeCommand,
  haltCommand,
  pauseCommand,
  promoteCommand,
  rollbackCommand,
  thawCommand,
} from '../words/commands.ts';
import { titlesOf } from './live.tsx';
import { Loaded } from './loaded.tsx';
import { ActSheet } from './sheet.tsx';

// What people do to what goes forward: stop it, let it go on, take it back. Two taps each, and a reason that goes onto the trail.

type Halt = Halted['halts'][number];

/** Stops the factory, or one repository of it. */
export function HaltButton({ repos, wide = false }: { repos: readonly string[]; wide?: boolean }) {
  const [repo, setRepo] = useState('');
  return (
    <ActSheet
      button="Stop"
      tone="danger"
      wide={wide}
      title="Stop what goes forward"
      confirm={repo === '' ? 'Stop the factory' : `Stop ${repo}`}
      command={(reason) => haltCommand(repo, reason)}
      act={async (reason) => {
        const scope = repo === '' ? undefined : ({ kind: 'repo', repo } as never);
        const { value } = await call('halt', { body: { reason, ...(scope === undefined ? {} : { scope }) } });
        if (value.halts.length === 0) return 'Somebody resumed it meanwhile: it is not halted.';
        return value.stopped
          ? 'Stopped: nothing of it runs.'
          : `Stopping: ${value.running.length} still at work.`;
      }}
    >
      <p>
        Agents are cut off where they are, traffic of a canary goes back, and nothing merges or ships until
        somebody resumes. What serves goes on serving.
      </p>
      {repos.length === 0 ? null : (
        <label className="field">
          What
          <select value={repo} onChange={(event) => setRepo(event.target.value)}>
            <option value="">the whole factory</option>
            {repos.map((one) => (
              <option key={one}>{one}</option>
            ))}
          </select>
        </label>
      )}
    </ActSheet>
  );
}

export function ResumeButton({ halt }: { halt: Halt }) {
  return (
    <ActSheet
      button="Resume"
      tone="accent"
      title={`Resume ${scopeText(halt.scope)}`}
      confirm="Resume"
      act={async (reason) => {
        await call('resume', { body: { scope: halt.scope, reason } });
        return `Resumed ${scopeText(halt.scope)}: runs go on from where they were.`;
      }}
    >
      <p>
        {halt.by} stopped it: <q>{halt.reason}</q>. Runs go on from where they were; no turn is paid for
        twice.
      </p>
    </ActSheet>
  );
}

function RollbackPlan({ repo, release }: { repo: string; release: string | undefined }) {
  const body = { repo, dryRun: true, ...(release === undefined ? {} : { release }) };
  // A question, though it is asked as an act; asked anew each time that this opens.
  const plan = useAnswer('rollBack', { body }, { gcTime: 0 });
  return (
    <Loaded of={plan} lines={2}>
      {({ text, plan: changes }) => (
        <div className="plan">
          <p className="said">{text}</p>
          {changes === null
            ? null
            : Object.entries(changes)
                .filter(([, lines]) => lines.length > 0)
                .map(([what, lines]) => (
                  <details key={what} open={what === 'traffic'}>
                    <summary>{what}</summary>
                    <ul>
                      {lines.map((line) => (
                        <li key={line}>{line}</li>
                      ))}
                    </ul>
                  </details>
                ))}
        </div>
      )}
    </Loaded>
  );
}

/** Back to the release before, or to the one that is named. Asks no gate, no halt and no freeze. */
export function RollbackButton({ status, release }: { status: RollbackStatus; release?: string }) {
  const { repo, canary, live, candidates } = status;
  const from = canary?.release ?? live?.release;
  const to =
    release === undefined && canary !== null
      ? live
      : (candidates.find((one) => one.release === release) ?? candidates[0]);
  return (
    <ActSheet
      button={release === undefined ? `Roll back ${repo}` : 'Roll back to this'}
      tone="danger"
      wide={release === undefined}
      title={`Roll back ${repo}`}
      confirm="Roll back now"
      command={() => rollbackCommand(repo, release)}
      otherwise="asked in the console"
      disabled={canary === null && status.candidates.length === 0}
      act={async (reason) => {
        const body = {
          ...{ repo, reason },
          ...(release === undefined ? {} : { release }),
          ...(from === undefined ? {} : { from }),
        };
        return (await call('rollBack', { body })).value.text;
      }}
    >
      {to == null ? null : (
        <p>
          <strong>{titlesOf(to)}</strong> serves {canary === null ? 'again' : 'alone again'}
          {canary === null && live !== null ? (
            <>
              , in the place of <strong>{titlesOf(live)}</strong>
            </>
          ) : null}
          .
        </p>
      )}
      <RollbackPlan repo={repo} release={release} />
    </ActSheet>
  );
}

/** Takes a canary back for good. */
export function AbortButton({ repo }: { repo: string }) {
  return (
    <ActSheet
      button="Take it back"
      tone="danger"
      title={`Take the canary of ${repo} back`}
      confirm="Take it back now"
      otherwise="asked in the console"
      command={(reason) => abortCommand(repo, reason)}
      act={async (reason) => (await call('abortCanary', { params: { repo }, body: { reason } })).value.text}
    >
      <p>
        Its traffic goes back at once, its release is given up, and its merge is reverted. The ticket is open
        again.
      </p>
    </ActSheet>
  );
}

/** Holds a canary at its share, or lets it go on. */
export function PauseButton({ repo, paused }: { repo: string; paused: boolean }) {
  const params = { repo };
  return paused ? (
    <ActSheet
      button="Go on"
      title={`Let the canary of ${repo} go on`}
      confirm="Go on"
      act={async (reason) => (await call('pauseCanary', { params, body: { reason, ms: 0 } })).value.text}
    >
      <p>Its bake goes on. A canary that degrades goes back all the same.</p>
    </ActSheet>
  ) : (
    <ActSheet
      button="Pause"
      title={`Hold the canary of ${repo} at its share`}
      confirm="Hold it for an hour"
      command={(reason) => pauseCommand(repo, reason)}
      act={async (reason) => (await call('pauseCanary', { params, body: { reason } })).value.text}
    >
      <p>
        It stays at its share for an hour, or until somebody lets it go on. If it degrades, it goes back all
        the same.
      </p>
    </ActSheet>
  );
}

/** Ends a bake before its time. */
export function PromoteButton({ repo }: { repo: string }) {
  return (
    <ActSheet
      button="Promote"
      title={`End the bake of ${repo} now`}
      confirm="Promote"
      command={(reason) => promoteCommand(repo, reason)}
      act={async (reason) => (await call('promoteCanary', { params: { repo }, body: { reason } })).value.text}
    >
      <p>The present bake ends, as the deploy gate allows it now.</p>
    </ActSheet>
  );
}

/** What may be done to a canary under way. */
export function CanaryActs({ repo, paused }: { repo: string; paused: boolean }) {
  return (
    <div className="acts">
      <AbortButton repo={repo} />
      <PauseButton repo={repo} paused={paused} />
      <PromoteButton repo={repo} />
    </div>
  );
}

/** Freeze and thaw of a target. */
export function FreezeButton({ repo, frozen }: { repo: string; frozen: boolean }) {
  const params = { repo };
  return frozen ? (
    <ActSheet
      button="Thaw"
      title={`Thaw ${repo}`}
      confirm="Thaw"
      command={(reason) => thawCommand(repo, reason)}
      act={async (reason) => {
        await call('thawTarget', { params, body: { reason } });
        return `${repo} goes forward again.`;
      }}
    >
      <p>Releases of {repo} go forward again, the one that waits first.</p>
    </ActSheet>
  ) : (
    <ActSheet
      button="Freeze"
      title={`Freeze ${repo}`}
      confirm="Freeze"
      command={(reason) => freezeCommand(repo, reason)}
      act={async (reason) => {
        await call('freezeTarget', { params, body: { reason } });
        return `${repo} is frozen: nothing goes forward on it.`;
      }}
    >
      <p>
        Nothing goes forward on it until it is thawed. A canary under way has its traffic taken back, and
        begins anew after that. Rollbacks go on.
      </p>
    </ActSheet>
  );
}
