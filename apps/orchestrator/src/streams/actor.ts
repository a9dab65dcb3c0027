import type { Actor } from '@millwright/domain';

/** Who this process is on the trail. */
export const ORCHESTRATOR = 'orchestrator' as Actor;
