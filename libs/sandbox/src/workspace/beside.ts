import type { BackgroundCommand, Workspace } from '@millwright/domain';
import type { Container } from 'dockerode';
import { killContainer, removeContainer, startContainer } from '../engine/container.ts';
import type { Engine } from '../engine/engine.ts';
import type { Box } from '../engine/hardening.ts';
import { HeadTail } from '../tool-process/output.ts';
import { attachResident } from '../tool-process/resident.ts';

// Commands that run beside the others of a sandbox, each in a container of its own: what a call of the tool process says is believed because nothing
// else is alive when it says it (resident.ts, invariant 3), and that stays so. They have the workspace's one mount, the sandbox's network namespace,
// its environment and its confinement; /tmp and processes are their own. None outlives the sandbox.

/** At a time. Each may use half of what the sandbox may. */
const MOST = 4;
/** Kept of what was printed since the last look. */
const KEPT = 1_048_576;

type Running = { container: Container; ended: string | null; kill(reason: string): Promise<void> };

export type Beside = {
  start: Workspace['start'];
  /** Stops all of them until it is disposed of. */
  still(): Promise<AsyncDisposable>;
  /** Kills all of them; none starts any more. */
  end(): Promise<void>;
  remove(): Promise<void>;
};

export function commandsBeside(
  engine: Engine,
  confined: Box,
  sandbox: Pick<Container, 'id'>,
  shell: '/bin/sh' | '/bin/bash',
): Beside {
  const all = new Set<Running>();
  const running = () => [...all].filter(({ ended }) => ended === null);
  let over = false;

  return {
    async start(command) {
      const refused = (reason: string) => ({ kind: 'refused', reason }) as const;
      if (over) return refused('the sandbox is gone');
      if (command.includes('\0')) return refused('a command cannot hold a NUL');
      if (running().length >= MOST) return refused(`${MOST} commands run already: stop one first`);
      const limits = { ...confined.limits, memoryMb: Math.ceil(confined.limits.memoryMb / 2) };
      const { container, stream } = await startContainer(engine, {
        ...confined,
        limits,
        network: { of: sandbox.id },
      });
      let output = new HeadTail(KEPT);
      const kill = async (reason: string) => {
        one.ended ??= reason;
        stream.destroy();
        await killContainer(container);
      };
      const one: Running = { container, ended: null, kill };
      all.add(one);
      if (over) await kill('stopped');
      const resident = attachResident(stream, {
        interrupt: () => container.kill({ signal: 'SIGUSR1' }),
        end: (reason) => {
          one.ended ??= reason;
        },
      });
      void resident
        .call(command, {
          shell,
          timeoutMs: confined.limits.wallMs,
          onOutput: (data) => output.push(data),
        })
        .then(async (end) => {
          const how = end.kind === 'exited' ? `exit code ${end.exitCode}` : end.kind.replace('_', ' ');
          await kill(how);
        })
        .catch((error: unknown) =>
          engine.note({ kind: 'cleanup_failed', what: container.id, reason: String(error) }),
        );
      const handle: BackgroundCommand = {
        read() {
          const { ended } = one;
          const said = output.text();
          output = new HeadTail(KEPT);
          return { ...said, ended };
        },
        stop: () => kill('stopped'),
      };
      return { kind: 'started', command: handle };
    },

    async still() {
      const paused = running();
      const each = (work: (one: Running) => Promise<unknown>) =>
        Promise.all(
          paused.map((one) =>
            // One that has just ended by itself stands still anyway.
            work(one).catch((error: unknown) => {
              if (one.ended === null) throw error;
            }),
          ),
        );
      await each(({ container }) => container.pause());
      return {
        async [Symbol.asyncDispose]() {
          await each(({ container }) => container.unpause());
        },
      };
    },

    async end() {
      over = true;
      await Promise.all([...all].map((one) => one.kill('the sandbox is gone')));
    },

    async remove() {
      await Promise.all([...all].map(({ container }) => removeContainer(container)));
    },
  };
}
