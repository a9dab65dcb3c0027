import type { RollbackStatus, RunView } from '@millwright/api';
import * as Dialog from '@radix-ui/react-dialog';
import { useNavigate } from '@tanstack/react-router';
import { type ReactNode, useEffect, useId, useMemo, useState } from 'react';
import { useAnswer } from '../api/queries.ts';
import { signOut } from '../api/session.ts';
import {
  abortCommand,
  cancelCommand,
  freezeCommand,
  haltCommand,
  pauseCommand,
  promoteCommand,
  retryCommand,
  rollbackCommand,
  thawCommand,
} from '../words/commands.ts';
import { wordsOf } from '../words/format.ts';
import { fitting, type Item, placeOf } from '../words/palette.ts';
import {
  AbortButton,
  FreezeButton,
  HaltButton,
  PauseButton,
  PromoteButton,
  RollbackButton,
} from './acts.tsx';
import { PAGES } from './pages.ts';
import { CancelButton, RetryButton, retries } from './run-acts.tsx';
import { OpenedElsewhere } from './sheet.tsx';
import { tell } from './told.tsx';

type Does =
  | { kind: 'go'; to: string }
  | { kind: 'sheet'; sheet: ReactNode }
  | { kind: 'do'; run: () => void };
type One = Item<Does>;

const NEWEST = { query: { limit: 200 } };
const go = (to: string): Does => ({ kind: 'go', to });
const sheet = (of: ReactNode): Does => ({ kind: 'sheet', sheet: of });

function targetActs(status: RollbackStatus): One[] {
  const { repo, canary, frozen } = status;
  const act = (id: string, text: string, command: string | null, of: ReactNode): One => ({
    ...{ id: `${id} ${repo}`, group: 'Do', text, hint: repo, command, does: sheet(of) },
  });
  const paused = canary !== null && canary.paused !== null;
  return [
    act(
      'rollback',
      `Roll back ${repo} …`,
      rollbackCommand(repo, undefined),
      <RollbackButton status={status} />,
    ),
    ...(canary === null
      ? []
      : [
          act(
            'abort',
            `Take the canary of ${repo} back …`,
            abortCommand(repo, ''),
            <AbortButton repo={repo} />,
          ),
          act(
            'pause',
            paused ? `Let the canary of ${repo} go on …` : `Pause the canary of ${repo} …`,
            paused ? null : pauseCommand(repo, ''),
            <PauseButton repo={repo} paused={paused} />,
          ),
          act(
            'promote',
            `Promote the canary of ${repo} …`,
            promoteCommand(repo, ''),
            <PromoteButton repo={repo} />,
          ),
        ]),
    act(
      'freeze',
      frozen === null ? `Freeze ${repo} …` : `Thaw ${repo} …`,
      frozen === null ? freezeCommand(repo, '') : thawCommand(repo, ''),
      <FreezeButton repo={repo} frozen={frozen !== null} />,
    ),
  ];
}

function runActs(run: RunView): One[] {
  const act = (id: string, text: string, command: string, of: ReactNode): One => ({
    ...{ id: `${id} ${run.id}`, group: 'Do', text, hint: run.repo, command, does: sheet(of) },
  });
  return [
    ...(run.endedAt === null
      ? [act('cancel', `Cancel: ${run.title} …`, cancelCommand(run.id, ''), <CancelButton run={run} />)]
      : []),
    ...(retries(run)
      ? [act('retry', `Let it go on: ${run.title} …`, retryCommand(run.id, ''), <RetryButton run={run} />)]
      : []),
  ];
}

/** Everything that can be gone to or done, as far as it is loaded. */
function useItems(open: boolean): One[] {
  const asked = { enabled: open };
  const repos = useAnswer('listRepos', { query: { limit: 500 } }, asked).data;
  const runs = useAnswer('listRuns', NEWEST, asked).data;
  const gates = useAnswer('listGates', NEWEST, asked).data;
  const tickets = useAnswer('listTickets', NEWEST, asked).data;
  const releases = useAnswer('listReleases', { query: { limit: 100 } }, asked).data;
  const targets = useAnswer('listTargets', { query: { limit: 100 } }, asked).data;
  return useMemo(() => {
    const newest = runs?.toReversed() ?? [];
    return [
      ...(gates ?? []).map(
        ({ id, action, repo, title }): One => ({
          ...{
            id,
            group: 'Gates',
            hint: repo,
            command: `./millwright gate show ${id}`,
            does: go(`/gates/${id}`),
          },
          text: `Allow the ${action}? ${title}`,
        }),
      ),
      ...PAGES.map(
        ({ to, name, command }): One => ({
          ...{ id: to, group: 'Pages', text: name, hint: '', command, does: go(to) },
        }),
      ),
      {
        ...{ id: 'halt', group: 'Do', text: 'Stop what goes forward …', hint: 'halt' },
        command: haltCommand('', ''),
        does: sheet(<HaltButton repos={repos?.map(({ name }) => name) ?? []} />),
      },
      ...(targets ?? []).flatMap(targetActs),
      ...newest.flatMap(runActs),
      ...newest.map(
        ({ id, title, repo, state }): One => ({
          ...{ id, group: 'Runs', text: title, hint: `${repo}, ${wordsOf(state)}` },
          ...{ command: `./millwright run show ${id}`, does: go(`/runs/${id}`) },
        }),
      ),
      ...(tickets?.toReversed() ?? []).map(
        ({ id, ticket, repo, state }): One => ({
          ...{ id, group: 'Tickets', text: ticket.title, hint: `${repo}, ${wordsOf(state)}` },
          ...{ command: `./millwright ticket show ${id}`, does: go(`/tickets/${id}`) },
        }),
      ),
      ...(releases ?? []).map(
        ({ id, commits, repo, state }): One => ({
          ...{ id, group: 'Releases', text: commits[0]?.title || id, hint: `${repo}, ${wordsOf(state)}` },
          ...{ command: `./millwright release show ${id}`, does: go(`/releases/${id}`) },
        }),
      ),
      ...(repos ?? []).map(
        ({ name, unit }): One => ({
          ...{ id: `repo ${name}`, group: 'Repositories', text: name, hint: unit },
          ...{ command: `./millwright autonomy show --repo ${name}`, does: go('/repositories') },
        }),
      ),
      {
        ...{ id: 'sign-out', group: 'Do', text: 'Sign out', hint: '', command: null },
        does: { kind: 'do', run: signOut },
      },
    ];
  }, [repos, runs, gates, tickets, releases, targets]);
}

/** Goes anywhere and does anything by its words: ⌘K, or Ctrl+K. What does something opens the sheet that says what it will do. */
export function Palette() {
  const [open, setOpen] = useState(false);
  const [typed, setTyped] = useState('');
  const [at, setAt] = useState(0);
  const [doing, setDoing] = useState<ReactNode>(null);
  const navigate = useNavigate();
  const list = useId();
  const items = useItems(open);
  const direct = placeOf(typed);
  const found = useMemo((): One[] => {
    const known = fitting(items, typed);
    if (direct === null || items.some(({ id }) => id === typed.trim())) return known;
    return [
      { id: 'direct', group: 'Open', text: typed.trim(), hint: '', command: null, does: go(direct) },
      ...known,
    ];
  }, [items, typed, direct]);
  const nth = Math.min(at, Math.max(0, found.length - 1));
  const current = found[nth];
  useEffect(() => {
    const pressed = (event: KeyboardEvent) => {
      const writing =
        event.target instanceof Element && event.target.closest('input, textarea, select') !== null;
      const slash = event.key === '/' && !writing && !event.metaKey && !event.ctrlKey;
      if (!slash && (event.key.toLowerCase() !== 'k' || !(event.metaKey || event.ctrlKey) || event.altKey))
        return;
      event.preventDefault();
      setOpen((was) => !was);
    };
    window.addEventListener('keydown', pressed);
    return () => window.removeEventListener('keydown', pressed);
  }, []);
  useEffect(() => {
    document.getElementById(`${list}-${nth}`)?.scrollIntoView({ block: 'nearest' });
  }, [list, nth]);
  const close = () => {
    setOpen(false);
    setTyped('');
    setAt(0);
  };
  const choose = (item: One | undefined) => {
    if (item === undefined) return;
    close();
    const { does } = item;
    if (does.kind === 'go') void navigate({ to: does.to });
    else if (does.kind === 'do') does.run();
    else setDoing(does.sheet);
  };
  const copy = (command: string) =>
    navigator.clipboard?.writeText(command).then(
      () => tell(`Copied: ${command}`),
      () => tell(`This page may not copy. The command: ${command}`),
    );
  const moved = (by: number) => setAt(found.length === 0 ? 0 : (nth + by + found.length) % found.length);
  return (
    <>
      <button type="button" className="button palette-open" data-size="small" onClick={() => setOpen(true)}>
        <span aria-hidden="true">⌕</span>
        <span className="words">
          Find or do <kbd>{/Mac|iPhone|iPad/.test(navigator.userAgent) ? '⌘K' : 'Ctrl K'}</kbd>
        </span>
      </button>
      <Dialog.Root open={open} onOpenChange={(next) => (next ? setOpen(true) : close())}>
        <Dialog.Portal>
          <div className="scrim" />
          <Dialog.Content className="sheet palette" aria-describedby={undefined}>
            <Dialog.Title className="unseen">Find or do</Dialog.Title>
            <input
              type="text"
              role="combobox"
              aria-expanded="true"
              aria-controls={list}
              aria-activedescendant={current === undefined ? undefined : `${list}-${nth}`}
              aria-label="What to find or do"
              placeholder="A page, a run, a ticket, an act, an id"
              autoComplete="off"
              spellCheck={false}
              value={typed}
              onChange={(event) => {
                setTyped(event.target.value);
                setAt(0);
              }}
              onKeyDown={(event) => {
                if (event.key === 'ArrowDown') moved(1);
                else if (event.key === 'ArrowUp') moved(-1);
                else if (event.key === 'Enter' && (event.metaKey || event.ctrlKey)) {
                  if (current?.command != null) void copy(current.command);
                } else if (event.key === 'Enter') choose(current);
                else return;
                event.preventDefault();
              }}
            />
            <div className="found" id={list} role="listbox" aria-label="What there is">
              {found.map((item, index) => (
                // biome-ignore lint/a11y/useKeyWithClickEvents: its keys are those of the field that has the focus
                <div
                  key={item.id + item.text}
                  id={`${list}-${index}`}
                  role="option"
                  tabIndex={-1}
                  aria-selected={index === nth}
                  onPointerMove={() => setAt(index)}
                  onClick={() => choose(item)}
                >
                  <span className="found-group">{item.group}</span>
                  <span className="found-text">{item.text}</span>
                  <span className="quiet">{item.hint}</span>
                </div>
              ))}
            </div>
            {found.length === 0 ? <p className="none">Nothing is called that.</p> : null}
            <p className="palette-foot">
              <span>
                <kbd>↑</kbd> <kbd>↓</kbd> <kbd>Enter</kbd>
              </span>
              {current?.command == null ? null : (
                <button
                  type="button"
                  className="button"
                  data-size="small"
                  onClick={() => void copy(current.command ?? '')}
                >
                  Copy as command <code>{current.command}</code> <kbd>Ctrl Enter</kbd>
                </button>
              )}
            </p>
          </Dialog.Content>
        </Dialog.Portal>
      </Dialog.Root>
      {doing === null ? null : (
        <OpenedElsewhere.Provider value={() => setDoing(null)}>{doing}</OpenedElsewhere.Provider>
      )}
    </>
  );
}
