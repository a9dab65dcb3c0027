import { setTimeout as sleep } from 'node:timers/promises';
import type { GateView } from '@millwright/api';
import type { Api } from './factory.ts';

export type Approver = { name: string; token: string; reason: string };

export type Watched = { said: string[]; unexpected: GateView | null };

/** A moment to see what is asked, before each yes. */
const READ_MS = 150;
const POLL_MS = 100;
/** Where no gate is to wait, one that does is no hurry: asking takes the machine from what is watched. */
const IDLE_MS = 500;

/** None where the factory does not answer: that it is lost is noticed by who watches its process. */
async function waitingGates(api: Api): Promise<GateView[]> {
  try {
    return await api.get<GateView[]>('/gates?state=waiting');
  } catch (error) {
    if (error instanceof TypeError) return [];
    throw error;
  }
}

/**
 * Watches the gates while a ticket is under way. Where people are part of the ticket, each approver says yes in turn, with a token of their own; elsewhere a gate that waits is not what the example says,
 * and `onUnexpected` is called once.
 */
export async function watchGates(
  api: Api,
  approvers: readonly Approver[],
  expected: boolean,
  over: AbortSignal,
  onUnexpected: () => void,
): Promise<Watched> {
  const watched: Watched = { said: [], unexpected: null };
  while (!over.aborted) {
    const waiting = await waitingGates(api);
    for (const gate of waiting) {
      if (!expected) {
        watched.unexpected = gate;
        onUnexpected();
        return watched;
      }
      for (const approver of approvers) {
        if (gate.approvals.some((approval) => approval.name === approver.name)) continue;
        await sleep(READ_MS);
        const status = await api.post(`/gates/${gate.id}/approve`, approver.token, {
          reason: approver.reason,
        });
        // The second yes may find a gate that the first one settled, or that was voided meanwhile: the factory's answer counts.
        if (status < 300)
          watched.said.push(`${approver.name} allowed the ${gate.action}: "${approver.reason}"`);
      }
    }
    await sleep(expected ? POLL_MS : IDLE_MS, undefined, { signal: over }).catch(() => undefined); // over
  }
  return watched;
}
