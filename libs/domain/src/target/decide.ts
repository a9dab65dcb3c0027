import { accept, type Decider, reject } from '../decider.ts';
import type { TargetEntry } from '../entries/target.ts';
import { evolveTarget, freezesOf } from './evolve.ts';
import { noTarget, type TargetState } from './state.ts';

/**
 * Wishes are judged. What happened on the target is recorded as it happened, whoever has its fence by then: to refuse that would only hide it.
 */
export const targetDecider: Decider<TargetState, TargetEntry> = {
  initialState: noTarget,
  evolve: evolveTarget,
  decide({ record, actor }, { canary, undo, frozen, history, window }) {
    switch (record.type) {
      case 'target.released': {
        // Its factory was killed before it said what follows, and comes by here again: it is the same.
        const last = history.at(-1);
        const same = last?.release === record.data.release && last.fence === record.data.fence;
        return same ? accept() : accept(record);
      }
      case 'target.frozen': {
        const { by, reason } = record.data;
        // Said twice it is one freeze; with another reason, or by somebody else, it stands beside what is there.
        const known = freezesOf(frozen).some((one) => one.who === actor && one.reason === reason);
        return by === 'person' && known ? accept() : accept(record);
      }
      // The windows of one file overlap: the later end counts.
      case 'target.window-began':
        return record.data.until <= window ? accept() : accept(record);
      case 'target.window-ended':
        return freezesOf(frozen).some(({ by }) => by === 'schedule') ? accept(record) : accept();
      case 'target.thawed':
        return frozen === null ? reject('not-frozen', 'the target is not frozen') : accept(record);
      case 'canary.asked':
        return canary?.release === record.data.release && canary.fence === record.data.fence
          ? accept(record)
          : reject('no-canary', `${record.data.release} is not on its way to serve any more`);
      case 'undo.started':
        return undo?.kind === 'started'
          ? reject('not-due', `${undo.release} is being deployed again already`)
          : accept(record);
      case 'undo.finished':
        return undo?.kind === 'started' && undo.release === record.data.release
          ? accept(record)
          : reject('not-due', `${record.data.release} is not being deployed again`);
      default:
        return accept(record);
    }
  },
};
