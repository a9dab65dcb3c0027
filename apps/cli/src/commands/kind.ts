import { TicketKind } from '@millwright/domain';
import { usage } from '../fail.ts';

/** `--kind` as a request has it; nothing where it was not given. */
export function parseKind(given: string | boolean | undefined): { kind?: TicketKind } {
  if (given === undefined) return {};
  const kind = TicketKind.safeParse(given);
  if (!kind.success)
    throw usage(`there is no kind "${given}"`, `--kind takes ${TicketKind.options.join(', ')}`);
  return { kind: kind.data };
}
