import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { AttemptId, Clock, RunId } from '@millwright/domain';

export const clock: Clock = {
  now: () => Date.now(),
  sleep: (ms, signal) => sleep(ms, undefined, signal === undefined ? {} : { signal }),
};

const fresh = (prefix: string) => `${prefix}_${randomBytes(10).toString('hex')}`;
export const newRun = () => fresh('run') as RunId;
export const newAttempt = () => fresh('att') as AttemptId;
