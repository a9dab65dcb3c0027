import type { ReactNode } from 'react';
import { wordsOf } from '../words/format.ts';
import { type AnyState, markOf, type Tone } from '../words/state.ts';

/** A state: its sign, its word, its tone. */
export function Status({ state, word }: { state: AnyState; word?: string }) {
  const { sign, tone } = markOf(state);
  return (
    <span className="status" data-tone={tone}>
      <span aria-hidden="true">{sign}</span> {word ?? wordsOf(state)}
    </span>
  );
}

/** A short word in a tone, where no state is told. */
export function Tag({ tone = 'quiet', children }: { tone?: Tone; children: ReactNode }) {
  return (
    <span className="tag" data-tone={tone}>
      {children}
    </span>
  );
}
