import { parentPort } from 'node:worker_threads';
import { readPart, type Stretch } from '@millwright/audit/proof';

// A thread that reads stretches of a range as they are sent, and answers with what each says.

parentPort?.on('message', ({ bytes, ...where }: Omit<Stretch, 'bytes'> & { bytes: Uint8Array }) => {
  const part = readPart({ ...where, bytes: Buffer.from(bytes.buffer) });
  parentPort?.postMessage(part);
});
