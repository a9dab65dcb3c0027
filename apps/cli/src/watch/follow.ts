import { setTimeout as sleep } from 'node:timers/promises';
import type { RunView } from '@millwright/api';
import type { RunId } from '@millwright/domain';
import type { Context } from '../context.ts';
import { Fail } from '../fail.ts';
import { exitWith } from '../finish.ts';
import { jsonText, oneLine, paragraphs } from '../text/plain.ts';
import { cut } from '../text/width.ts';
import { runHeadline } from '../views/run.ts';
import { exitCodeOf } from '../views/state.ts';
import { questionLines } from '../views/ticket.ts';
import { runViews } from './events.ts';
import { frame } from './frame.ts';
import { newLines, type Said } from './lines.ts';

const REDRAW_MS = 100;
const POLL_MS = 200;

const stillPending = (what: string, next: string) =>
  new Fail({
    code: 'pending',
    message: `${what} when the time was up; it goes on without this command`,
    next,
    exitCode: 8,
  });

/** The ticket's newest run, once there is one; null when the factory closed the ticket without (said, with its exit code). */
export async function runOf(
  context: Context,
  ticket: string,
  deadline: number | null,
): Promise<RunId | null> {
  for (;;) {
    const { value } = await context.client.call('showTicket', { params: { id: ticket } });
    const newest = value.runs.at(-1);
    if (newest !== undefined) return newest;
    if (value.state === 'closed' || value.state === 'done') {
      exitWith(value.state === 'done' ? 0 : 1);
      return null;
    }
    if (deadline !== null && Date.now() > deadline)
      throw stillPending(`${ticket} had no run yet`, `./millwright ticket show ${ticket}`);
    await sleep(POLL_MS);
  }
}

type Screen = { show(run: RunView): void; end(): void };

/** On a terminal: one picture, redrawn. The clock in it moves between events too. */
async function redrawn(context: Context): Promise<Screen> {
  // Loaded here alone: what it reads and compiles is a sixth of any other command's time.
  const { createLogUpdate } = await import('log-update');
  const draw = createLogUpdate(process.stdout);
  let latest: RunView | null = null;
  let tick = 0;
  const paint = () => {
    if (latest !== null) draw(frame(context.look, latest, context.now(), tick));
  };
  const timer = setInterval(() => {
    tick += 1;
    paint();
  }, REDRAW_MS);
  return {
    show: (run) => {
      latest = run;
      paint();
    },
    end: () => {
      clearInterval(timer);
      paint();
      draw.done();
    },
  };
}

/** Piped: a line a change. */
function printed(context: Context): Screen {
  const said: Said = new Map();
  return {
    show: (run) => context.out(...newLines(context.look, said, run, context.now(), { actions: true })),
    end: () => undefined,
  };
}

/** The planner's question, once a run; the run's own view does not carry it. */
async function askedOf(context: Context, run: RunView): Promise<string[]> {
  const { value } = await context.client.call('showTicket', { params: { id: run.ticket } });
  return value.question === null ? [] : questionLines(context.noteLook, run.ticket, value.question);
}

const waitsForAnswer = (run: RunView) =>
  run.state === 'waiting' && !run.gates.some((gate) => gate.state === 'waiting');

/**
 * Follows a run to its end and sets the exit code: 0 only when it ended *done*, 1 failed or cancelled, 5 denied, 6 rolled back; throws 8 when `deadline` (milliseconds
 * since the epoch) comes first.
 */
export async function followRun(context: Context, id: string, deadline: number | null): Promise<void> {
  const over = new AbortController();
  const timer =
    deadline === null ? undefined : setTimeout(() => over.abort(), Math.max(0, deadline - Date.now()));
  const screen = context.json ? null : context.look.terminal ? await redrawn(context) : printed(context);
  let last: RunView | null = null;
  let asked = false;
  try {
    for await (const { raw, run } of runViews(context.client, id, over.signal)) {
      last = run;
      if (screen === null) process.stdout.write(`${jsonText(raw)}\n`);
      else screen.show(run);
      if (screen !== null && !asked && waitsForAnswer(run)) {
        const lines = await askedOf(context, run);
        asked = lines.length > 0;
        context.note(...lines);
      }
    }
  } finally {
    clearTimeout(timer);
    screen?.end();
  }
  const code = last === null ? null : exitCodeOf(last.state);
  if (last === null || code === null)
    throw stillPending(`${id} was still under way`, `./millwright run watch ${id}`);
  exitWith(code);
  if (!context.json) sayEnd(context, last);
}

function sayEnd(context: Context, run: RunView): void {
  const { colour, symbol, terminal } = context.look;
  if (!terminal) context.out(runHeadline(context.look, run, context.now()));
  // The evidence may be a page; its first line says it, `run show` has the rest.
  const [said = ''] = paragraphs(run.reason ?? '')
    .trim()
    .split('\n');
  if (said !== '') context.out(`  ${cut(oneLine(said), 240, symbol.ellipsis)}`);
  const facts = [
    ...(run.delivered === null
      ? []
      : [`${run.delivered.kind} on ${oneLine(run.delivered.ref)} (${run.delivered.commit.slice(0, 12)})`]),
    ...(run.release === null ? [] : [run.release]),
  ];
  if (facts.length > 0) context.out(`  ${colour.dim(facts.join(` ${symbol.dot} `))}`);
  if (run.state !== 'done')
    context.note(`${context.noteLook.colour.dim('next:')} ./millwright run why ${run.id}`);
}
