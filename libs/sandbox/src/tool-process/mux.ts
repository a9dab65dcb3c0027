/** Docker's frame on an attached stream without a terminal: stream number, three zero bytes, big-endian length (Engine API, "Stream format"). */
const HEADER = 8;

export type Channel = 'stdout' | 'stderr';

/**
 * Takes the engine's attached stream apart. Returns a function to feed chunks to; it passes each piece on as it comes, without
 * waiting for a whole frame, so memory is bounded by the chunk. Throws on a header that the engine does not write.
 */
export function demultiplex(onData: (channel: Channel, data: Buffer) => void): (chunk: Buffer) => void {
  let header = Buffer.alloc(0);
  let channel: Channel = 'stdout';
  let left = 0;
  return (chunk) => {
    let rest = chunk;
    while (rest.length > 0) {
      if (left === 0) {
        const need = HEADER - header.length;
        header = Buffer.concat([header, rest.subarray(0, need)]);
        rest = rest.subarray(need);
        if (header.length < HEADER) return;
        const stream = header[0];
        if (stream !== 1 && stream !== 2)
          throw new Error(`the engine's stream has an unknown channel ${stream}`);
        channel = stream === 1 ? 'stdout' : 'stderr';
        left = header.readUInt32BE(4);
        header = Buffer.alloc(0);
        continue;
      }
      const piece = rest.subarray(0, left);
      left -= piece.length;
      rest = rest.subarray(piece.length);
      onData(channel, piece);
    }
  };
}
