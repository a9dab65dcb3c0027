import { spreadOf, timed } from '../row.ts';
import { peer } from './install.ts';

// Workflows of DBOS, as its own documentation writes them, on the PostgreSQL that the trail is measured on. argv: the folder it is installed in,
// a superuser's url, steps in a workflow, workflows.

type Dbos = {
  setConfig(config: object): void;
  launch(): Promise<void>;
  shutdown(): Promise<void>;
  registerWorkflow(work: () => Promise<void>, options: { name: string }): () => Promise<void>;
  runStep(work: () => Promise<number>, options: { name: string }): Promise<number>;
};

const [folder = '', url = '', steps = '5', times = '10'] = process.argv.slice(2);
const WARM = 3;
const { DBOS } = (await peer(folder, '@dbos-inc/dbos-sdk')) as { DBOS: Dbos };
const inside: number[] = [];
const workflow = DBOS.registerWorkflow(
  async () => {
    const from = performance.now();
    for (let nth = 0; nth < Number(steps); nth += 1)
      await DBOS.runStep(async () => nth, { name: `step ${nth}` });
    inside.push(performance.now() - from);
  },
  { name: 'steps' },
);
DBOS.setConfig({ name: 'bench', systemDatabaseUrl: url, logLevel: 'error', runAdminServer: false });
await DBOS.launch();
try {
  const whole = await timed(Number(times), WARM, workflow);
  const result = { inside: spreadOf(inside.slice(WARM)), whole: spreadOf(whole) };
  process.stdout.write(`${JSON.stringify(result)}\n`);
} finally {
  await DBOS.shutdown();
}
