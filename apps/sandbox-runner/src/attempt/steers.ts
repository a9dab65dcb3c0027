import type { AttemptStream } from '@millwright/audit';
import type { RecordedEntry } from '@millwright/domain';

/** What people have said to the attempt's agent, oldest first: looked up on its stream each time, from where the last look ended. */
export function steersOn(
  stream: Pick<AttemptStream, 'read'>,
  past: readonly RecordedEntry[],
): () => Promise<readonly string[]> {
  const said: string[] = [];
  let after = 0;
  const take = (entries: readonly RecordedEntry[]) => {
    for (const { entry, envelope } of entries) {
      if (entry?.type === 'attempt.steered') said.push(entry.data.text);
      after = Math.max(after, envelope.version);
    }
  };
  take(past);
  return async () => {
    take(await stream.read(after));
    return said;
  };
}
