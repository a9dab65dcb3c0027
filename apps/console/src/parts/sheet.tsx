import * as Dialog from '@radix-ui/react-dialog';
import { createContext, type ReactNode, useContext, useId, useState } from 'react';
import { reread } from '../api/queries.ts';
import { Command } from './copy.tsx';
import { Problem } from './problem.tsx';
import { tell } from './told.tsx';

/** What opens a sheet is elsewhere, in the palette: within it a sheet is open at once and has no button; it says when it was closed. */
export const OpenedElsewhere = createContext<(() => void) | null>(null);

type Props = {
  /** What opens it. */
  button: ReactNode;
  tone?: 'plain' | 'accent' | 'danger';
  wide?: boolean;
  title: string;
  /** What it will do, said before it is done. */
  children?: ReactNode;
  confirm: string;
  /** Whether a reason has to be given; it goes onto the trail. */
  reason?: 'needed' | 'none';
  /** What is written where nothing was given; with it a reason need not be. */
  otherwise?: string;
  /** Does it; what it answers with is told. */
  act: (reason: string) => Promise<string>;
  /** The same on the command line, with what was written so far. */
  command?: (reason: string) => string;
  disabled?: boolean;
};

/** An act in two taps: the first one opens what it will do, the second one does it. Refused, nothing that was written is lost. */
export function ActSheet(props: Props) {
  const {
    button,
    tone = 'plain',
    wide = false,
    title,
    children,
    confirm,
    reason = 'needed',
    otherwise,
    act,
    command,
  } = props;
  const closed = useContext(OpenedElsewhere);
  const [open, setOpen] = useState(closed !== null);
  const [text, setText] = useState('');
  const [doing, setDoing] = useState(false);
  const [error, setError] = useState<Error | null>(null);
  const field = useId();
  const given = text.trim() || (otherwise ?? '');
  const ready = !doing && (reason === 'none' || given !== '');
  const run = async () => {
    if (!ready) return;
    setDoing(true);
    setError(null);
    try {
      tell(await act(given));
      setOpen(false);
      setText('');
      closed?.();
    } catch (thrown) {
      setError(thrown as Error);
    } finally {
      setDoing(false);
      void reread();
    }
  };
  return (
    <Dialog.Root
      open={open}
      onOpenChange={(next) => {
        setOpen(next);
        setError(null);
        if (!next) closed?.();
      }}
    >
      {closed !== null ? null : (
        <Dialog.Trigger asChild>
          <button
            type="button"
            className="button"
            data-tone={tone}
            data-wide={wide}
            disabled={props.disabled ?? false}
          >
            {button}
          </button>
        </Dialog.Trigger>
      )}
      <Dialog.Portal>
        <div className="scrim" />
        <Dialog.Content
          className="sheet"
          aria-describedby={undefined}
          onOpenAutoFocus={(event) => {
            // On a phone a field in focus covers half the page with its keyboard: not where nothing has to be written.
            if (otherwise === undefined) return;
            event.preventDefault();
            (event.currentTarget as HTMLElement).focus();
          }}
        >
          <Dialog.Title className="sheet-title">{title}</Dialog.Title>
          <form
            onSubmit={(event) => {
              event.preventDefault();
              void run();
            }}
          >
            <div className="sheet-body">
              {children}
              {reason === 'none' ? null : (
                <label className="field" htmlFor={field}>
                  Reason{otherwise === undefined ? '' : ' (may be left out)'}
                  <textarea
                    id={field}
                    rows={2}
                    maxLength={2_000}
                    value={text}
                    placeholder={otherwise ?? 'It goes onto the trail, with your name'}
                    onChange={(event) => setText(event.target.value)}
                    onKeyDown={(event) => {
                      if (event.key === 'Enter' && (event.metaKey || event.ctrlKey)) void run();
                    }}
                  />
                </label>
              )}
              {error === null ? null : <Problem error={error} />}
              {command === undefined ? null : (
                <details>
                  <summary>On the command line</summary>
                  <Command>{command(given)}</Command>
                </details>
              )}
            </div>
            <div className="sheet-foot">
              <Dialog.Close asChild>
                <button type="button" className="button">
                  Not now
                </button>
              </Dialog.Close>
              <button
                type="submit"
                className="button"
                data-tone={tone === 'plain' ? 'accent' : tone}
                disabled={!ready}
              >
                {doing ? 'Doing it …' : confirm}
              </button>
            </div>
          </form>
        </Dialog.Content>
      </Dialog.Portal>
    </Dialog.Root>
  );
}
