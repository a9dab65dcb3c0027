/** What a model is shown of one result, in characters. Head and tail: the command's beginning and its failure are both there. */
export const MAX_RESULT = 30_000;

/** `text` cut to `limit` characters, half head and half tail, saying in the middle how much is gone. */
export function bounded(text: string, limit: number = MAX_RESULT, alreadyDropped = 0): string {
  if (text.length <= limit && alreadyDropped === 0) return text;
  const note = (gone: number) =>
    `\n[… ${gone} more characters were cut here; narrow the command to see them …]\n`;
  const room = Math.max(0, limit - note(text.length + alreadyDropped).length);
  if (text.length <= room) {
    const middle = Math.floor(text.length / 2);
    return `${text.slice(0, middle)}${note(alreadyDropped)}${text.slice(middle)}`;
  }
  const head = Math.ceil(room / 2);
  const tail = room - head;
  const gone = text.length - room + alreadyDropped;
  return `${text.slice(0, head)}${note(gone)}${tail > 0 ? text.slice(-tail) : ''}`;
}

/** One line of at most 200 characters, for people and for the trail. What is to be masked is masked before: half a secret is not found. */
export function action(text: string): string {
  const line = text.replace(/\s+/g, ' ').trim();
  return line.length > 200 ? `${line.slice(0, 199)}…` : line;
}
