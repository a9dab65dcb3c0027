import { text } from 'node:stream/consumers';
import { verifyTrail } from '@millwright/audit';
import { DriveError } from '@millwright/domain';
import { z } from 'zod';

// `millwright trail verify --database`: a process of its own, for whoever may read the database, whether a factory runs on it or not. What is
// asked comes as JSON on stdin, since an address holds a password. It prints JSON lines: how far it is, and in the end what it found.

const Asked = z.strictObject({
  url: z.string(),
  vkeys: z.array(z.string()).min(1),
  earlier: z.array(z.string()),
});
const print = (line: object) => process.stdout.write(`${JSON.stringify(line)}\n`);

try {
  const verdict = await verifyTrail({
    ...Asked.parse(JSON.parse(await text(process.stdin))),
    onProgress: (position, head) => print({ position, head }),
  });
  print({ verdict });
} catch (error) {
  if (!(error instanceof DriveError)) throw error;
  print({ failed: { code: error.code, message: error.message } });
}
