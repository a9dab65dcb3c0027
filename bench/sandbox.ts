import { measured } from './programs/line.ts';
import type { Row, Spread } from './row.ts';

// A program of the library measures sandboxes and prints numbers.

const PROGRAM = `${import.meta.dirname}/../libs/sandbox/src/testing/measure.ts`;

type Measured = {
  call: Spread;
  dockerExec: Spread;
  overlay: Spread;
  copy: Spread;
  worktree: Spread;
  first: Spread;
  dockerRun: Spread;
  files: number;
};

export async function sandbox(_postgres: unknown, quick: boolean): Promise<Row[]> {
  const said = await measured<Measured>(PROGRAM, [quick ? 'quick' : 'whole'], 300_000);
  return [
    {
      what: 'a tool call in a sandbox',
      ...{ unit: 'ms', ours: said.call, aim: 2 },
      peer: { name: 'docker exec (engine API)', spread: said.dockerExec },
    },
    {
      what: `a workspace of ${said.files} files`,
      ...{ unit: 'ms', ours: said.overlay, aim: 5 },
      peer: { name: 'git worktree add', spread: said.worktree },
      note: 'an overlay with a bounded upper, on a checkout that is there: the tmpfs mounted by mount(8), as the runner does, the overlay by one call of mount(2) in a process that runs already, as the engine does.',
    },
    {
      what: `a workspace of ${said.files} files`,
      ...{ unit: 'ms', ours: said.overlay },
      peer: { name: 'cp -r', spread: said.copy },
    },
    {
      what: 'a sandbox, from nothing to the first output',
      ...{ unit: 'ms', ours: said.first, aim: 250 },
      peer: { name: 'container create + start + exec, no limits', spread: said.dockerRun },
      note: 'container, workspace, resident tool process, one command; the peer has no overlay, no hardening and the default network.',
    },
  ];
}
