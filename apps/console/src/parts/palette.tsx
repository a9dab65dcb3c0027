import * as Dialog from '@radix-ui/react-dialog';
import { useNavigate } from '@tanstack/react-router';
import { type KeyboardEvent, useEffect, useId, useState } from 'react';
import { useAnswer } from '../api/queries.ts';
import { type Entry, matching } from '../words/palette.ts';
import { tell } from './told.tsx';

type Target = Entry & { go: () => void };

/** Whatever can be gone to: pages, what can be begun, and everything of late by its title, its id and its repository. */
function useTargets(pages: readonly (readonly [string, string, string])[], open: boolean): Target[] {
  const navigate = useNavigate();
  const given = { query: { limit: 200 } };
  const runs = useAnswer('listRuns', given, { enabled: open }).data ?? [];
  const tickets = useAnswer('listTickets', given, { enabled: open }).data ?? [];
  const gates =
    useAnswer('listGates', { query: { state: 'waiting', limit: 100 } }, { enabled: open }).data ?? [];
  const releases = useAnswer('listReleases', { query: { limit: 50 } }, { enabled: open }).data ?? [];
  const repos = useAnswer('listRepos', { query: { limit: 500 } }, { enabled: open }).data ?? [];
  const to = (path: string) => () => void navigate({ to: path });
  const of = (
    kind: string,
    id: string,
    name: string,
    words: string,
    path: string,
    command: string,
  ): Target => ({
    ...{ id: `${kind} ${id}`, kind, name, words: `${id} ${words}`, go: to(path), command },
  });
  return [
    ...gates.map((one) =>
      of(
        'gate',
        one.id,
        `Allow the ${one.action}? ${one.title}`,
        one.repo,
        `/gates/${one.id}`,
        `./millwright gate show ${one.id}`,
      ),
    ),
    ...pages.map(
      ([path, name]): Target => ({
        ...{ id: path, kind: 'page', name, words: '', go: to(path), command: null },
      }),
    ),
    {
      ...{ id: 'stop', kind: 'act', name: 'Stop', words: 'halt', command: './millwright halt --reason "…"' },
      go: () => document.querySelector<HTMLButtonElement>('.top [data-tone="danger"]')?.click(),
    },
    ...repos.map(({ name }) =>
      of(
        'act',
        name,
        `Roll back ${name}`,
        'undo release',
        '/releases',
        `./millwright rollback --repo ${name}`,
      ),
    ),
    ...runs
      .toReversed()
      .map((one) =>
        of(
          'run',
          one.id,
          one.title,
          `${one.repo} ${one.state}`,
          `/runs/${one.id}`,
          `./millwright run show ${one.id}`,
        ),
      ),
    ...tickets
      .toReversed()
      .map((one) =>
        of(
          'ticket',
          one.id,
          one.ticket.title,
          one.repo,
          `/tickets/${one.id}`,
          `./millwright ticket show ${one.id}`,
        ),
      ),
    ...releases
      .toReversed()
      .map((one) =>
        of(
          'release',
          one.id,
          one.commits[0]?.title || one.id,
          `${one.repo} ${one.state}`,
          `/releases/${one.id}`,
          `./millwright release show ${one.id}`,
        ),
      ),
  ];
}

const inField = ({ target }: Event): boolean =>
  target instanceof HTMLElement &&
  (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));

/** Every page, act and thing by its name: ⌘K, Ctrl-K, or / where nothing is written. Enter goes there, Shift-Enter copies the command that shows it. */
export function Palette({ pages }: { pages: readonly (readonly [string, string, string])[] }) {
  const [open, setOpen] = useState(false);
  const [typed, setTyped] = useState('');
  const [at, setAt] = useState(0);
  const list = useId();
  const found = matching(useTargets(pages, open), typed);
  useEffect(() => {
    const hear = (event: globalThis.KeyboardEvent) => {
      const asked =
        (event.key === 'k' && (event.metaKey || event.ctrlKey)) || (event.key === '/' && !inField(event));
      if (!asked) return;
      event.preventDefault();
      setOpen(true);
    };
    window.addEventListener('keydown', hear);
    return () => window.removeEventListener('keydown', hear);
  }, []);
  const show = (next: boolean) => {
    setOpen(next);
    setTyped('');
    setAt(0);
  };
  const choose = async (target: Target | undefined, copy: boolean) => {
    if (target === undefined) return;
    show(false);
    if (!copy || target.command === null) target.go();
    else {
      await navigator.clipboard.writeText(target.command);
      tell(`Copied: ${target.command}`);
    }
  };
  const press = (event: KeyboardEvent) => {
    if (event.key === 'ArrowDown') setAt(Math.min(at + 1, found.length - 1));
    else if (event.key === 'ArrowUp') setAt(Math.max(at - 1, 0));
    else if (event.key === 'Enter') void choose(found[at], event.shiftKey);
    else return;
    event.preventDefault();
  };
  return (
    <Dialog.Root open={open} onOpenChange={show}>
      <Dialog.Trigger asChild>
        <button type="button" className="button find" aria-label="Go to anything">
          Find <kbd>Ctrl K</kbd>
        </button>
      </Dialog.Trigger>
      <Dialog.Portal>
        <div className="scrim" />
        <Dialog.Content className="sheet palette" aria-describedby={undefined}>
          <Dialog.Title className="unseen">Go to anything</Dialog.Title>
          <input
            type="search"
            role="combobox"
            aria-label="What to go to"
            aria-expanded="true"
            aria-controls={list}
            aria-activedescendant={found[at] === undefined ? undefined : `${list}-${at}`}
            placeholder="A page, an act, a title, an id …"
            value={typed}
            onChange={(event) => {
              setTyped(event.target.value);
              setAt(0);
            }}
            onKeyDown={press}
          />
          <div id={list} role="listbox" aria-label="Found" className="found">
            {found.map((target, nth) => (
              // biome-ignore lint/a11y/useKeyWithClickEvents: the keys are the field's, whose active descendant it is
              <div
                key={target.id}
                id={`${list}-${nth}`}
                role="option"
                tabIndex={-1}
                aria-selected={nth === at}
                onClick={(event) => void choose(target, event.shiftKey)}
                onMouseMove={() => setAt(nth)}
              >
                <span className="quiet">{target.kind}</span> {target.name}
              </div>
            ))}
          </div>
          <p className="quiet palette-foot" role="status">
            {found.length === 0
              ? 'Nothing is called so. Older runs are in the list of runs.'
              : 'Enter goes there · Shift Enter copies its command'}
          </p>
        </Dialog.Content>
      </Dialog.Portal>
    </Dialog.Root>
  );
}
