import { measured } from './programs/line.ts';
import { type Row, spreadOf } from './row.ts';

// A program of the runner measures verdicts and prints numbers: what one adds to a ticket, as a multiple of what the suite takes by itself.

const PROGRAM = `${import.meta.dirname}/../apps/sandbox-runner/src/verify/testing/verdict-cost.ts`;

type Suite = {
  name: string;
  took: { ownMs: number; newMs: number; knownMs: number; commands: { purpose: string; ms: number }[] }[];
};

export async function verdicts(_postgres: unknown, quick: boolean): Promise<Row[]> {
  const suites = await measured<Suite[]>(PROGRAM, [quick ? 'quick' : 'whole'], 330_000);
  return suites.flatMap(({ name, took }) => {
    const added = (what: 'newMs' | 'knownMs') => spreadOf(took.map((one) => one[what] / one.ownMs - 1));
    const ms = (what: 'ownMs' | 'newMs' | 'knownMs') => spreadOf(took.map((one) => one[what])).p50.toFixed(0);
    const ran = took[0]?.commands.map(({ purpose, ms }) => `${purpose.replace('verify-', '')} ${ms}`) ?? [];
    return [
      {
        what: `what a verdict adds to its suite (${name}), the base known`,
        ...{ unit: '×', ours: added('knownMs'), aim: 1.5 },
        note: `the suite by itself runs for ${ms('ownMs')} ms (p50), the whole verdict takes ${ms('knownMs')} ms, sandboxes included; of it, ms of each run: ${ran.join(', ')}. No acceptance checks.`,
      },
      {
        what: `the same, the base learned on the way (${name})`,
        ...{ unit: '×', ours: added('newMs') },
        note: `once a base: ${ms('newMs')} ms.`,
      },
    ];
  });
}
