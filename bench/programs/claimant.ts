// A runner's claim and nothing else, to be killed (-9) or to take over: it works on the queue's `attempts` as a runner does, and says
// what it claimed and when. argv: the runner's url, its incarnation; `hold` to claim the attempt named after it without the queue.

import { openRunnerTrail } from '@millwright/audit';
import { AttemptId } from '@millwright/domain';
import { openQueue } from '@millwright/queue';
import { clock } from './clock.ts';

const [url = '', incarnation = '', mode = '', held = ''] = process.argv.slice(2);
const trail = await openRunnerTrail({ url, clock, incarnation });

async function claim(id: string): Promise<void> {
  const result = await trail.claim(AttemptId.parse(id));
  if (result.kind !== 'claimed') return;
  const past = await trail.stream(result).read();
  process.stdout.write(`${id} ${result.fence} ${past.length} ${Date.now()}\n`);
}

if (mode === 'hold') await claim(held);
else {
  await openQueue({ url }).work('attempts', 4, claim, (error) => process.stderr.write(`${error}\n`));
  process.stdout.write('ready\n');
}
setInterval(() => undefined, 1_000);
