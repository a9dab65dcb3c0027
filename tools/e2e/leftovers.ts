import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import Docker from 'dockerode';

// What a factory may leave behind: nothing. Containers, volumes and networks are known by its label, mounts and processes by its
// data folder.

/** A process that ends while we look at it has left nothing. */
const gone = (error: unknown): boolean =>
  error instanceof Error &&
  'code' in error &&
  ['ENOENT', 'ESRCH', 'EACCES'].includes(String((error as { code: unknown }).code));

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8').replaceAll('\0', ' ');
  } catch (error) {
    if (gone(error)) return '';
    throw error;
  }
}

/** Processes whose command line or environment names the folder, but this one. */
export function processesOf(data: string): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .map((pid) => ({ pid, command: textOf(`/proc/${pid}/cmdline`), env: textOf(`/proc/${pid}/environ`) }))
    .filter(({ command, env }) => command.includes(data) || env.includes(data))
    .map(({ pid, command }) => `process ${pid}: ${command.slice(0, 200)}`);
}

const mountsUnder = (data: string): string[] =>
  readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .map((line) => line.split(' ')[4] ?? '')
    .filter((path) => path.startsWith(data))
    .map((path) => `mount ${path}`);

/** Ids of the containers, running or not, that have a label with this value, such as `millwright.run`. */
export async function containersOf(label: string, value: string): Promise<string[]> {
  const filters = { label: [`${label}=${value}`] };
  return (await new Docker().listContainers({ all: true, filters })).map((one) => one.Id);
}

async function ofEngine(factory: string): Promise<string[]> {
  const engine = new Docker();
  const filters = { label: [`millwright.factory=${factory}`] };
  const [containers, volumes, networks] = await Promise.all([
    engine.listContainers({ all: true, filters }),
    engine.listVolumes({ filters }),
    engine.listNetworks({ filters }),
  ]);
  return [
    ...containers.map(
      (one) => `container ${one.Id.slice(0, 12)}: ${one.State} ${JSON.stringify(one.Labels)}`,
    ),
    ...(volumes.Volumes ?? []).map((one) => `volume ${one.Name}`),
    ...networks.map((one) => `network ${one.Name}`),
  ];
}

/** What is left of a factory that has stopped, after at most a minute for what is just ending. */
export async function leftovers(factory: string, data: string): Promise<string[]> {
  for (let waited = 0; ; waited += 250) {
    const left = [...processesOf(data), ...mountsUnder(data), ...(await ofEngine(factory))];
    if (left.length === 0 || waited >= 60_000) return left;
    await sleep(250);
  }
}
