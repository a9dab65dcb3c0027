import { randomBytes } from 'node:crypto';
import { CHECKS_FOLDER, type ExecResult, terminal, type Workspace } from '@millwright/domain';
import { extract, pack } from 'tar-stream';

const MAX_BYTES = 4 * 1024 * 1024;
const MAX_FILES = 500;

/** How often the files are asked for: what a command before it left running may still write into an answer. */
const TRIES = 3;

/**
 * The tester's files as a tar that we wrote ourselves: what comes out of the sandbox is read entry by entry, and only plain files under the
 * checks' folder are taken over. Null when there are none. Throws terminal `checks-refused` for anything else.
 */
export async function checksArchive(workspace: Pick<Workspace, 'exec'>): Promise<Uint8Array | null> {
  for (let left = TRIES; left > 0; left--) {
    // Only what stands between its marks is its answer; tar's 1: a file changed meanwhile.
    const mark = randomBytes(16).toString('hex');
    const result: ExecResult = await workspace.exec(
      `echo ${mark}
if [ -d ${CHECKS_FOLDER} ]; then
  tar -cf /tmp/${mark} -- ${CHECKS_FOLDER} 2>/dev/null; [ $? -le 1 ] || exit 1
  base64 -w 0 /tmp/${mark} || exit 1; rm /tmp/${mark}
fi
echo; echo ${mark}`,
      { timeoutMs: 60_000, maxBytes: 2 * MAX_BYTES },
    );
    if (result.kind !== 'exited' || result.exitCode !== 0 || result.droppedBytes > 0) break;
    const [, answer] = new RegExp(`${mark}\n([A-Za-z0-9+/=]*)\n${mark}`).exec(result.output) ?? [];
    if (answer === '') return null;
    if (answer !== undefined) return repack(Buffer.from(answer, 'base64'));
  }
  throw terminal(
    'checks-refused',
    `The checks' files cannot be read, or are larger than ${MAX_BYTES} bytes.`,
  );
}

/** Exported for its tests: `tar` is hostile. */
export async function repack(tar: Uint8Array): Promise<Uint8Array | null> {
  const from = extract();
  const to = pack();
  let files = 0;
  let bytes = 0;
  const refuse = (why: string) => terminal('checks-refused', `The checks' files were refused: ${why}.`);
  const reading = (async () => {
    for await (const entry of from) {
      const { name, type, mode } = entry.header;
      const chunks: Buffer[] = [];
      for await (const chunk of entry) chunks.push(chunk as Buffer);
      if (type === 'directory') continue;
      const parts = name.split('/');
      if (type !== 'file') throw refuse(`${name} is a ${type}`);
      if (parts[0] !== CHECKS_FOLDER || parts.some((part) => part === '..' || part === '' || part === '.'))
        throw refuse(`${name} lies outside ${CHECKS_FOLDER}`);
      const content = Buffer.concat(chunks);
      files += 1;
      bytes += content.length;
      if (files > MAX_FILES || bytes > MAX_BYTES) throw refuse('there are too many or too large files');
      const header = { name, mode: (mode ?? 0) & 0o100 ? 0o755 : 0o644, mtime: new Date(0) };
      to.entry(header, content);
    }
    to.finalize();
  })();
  from.end(Buffer.from(tar));
  const collected: Buffer[] = [];
  const collecting = (async () => {
    for await (const chunk of to) collected.push(chunk as Buffer);
  })();
  try {
    await reading;
    await collecting;
  } catch (error) {
    to.destroy();
    await collecting.catch(() => undefined); // destroyed above, on purpose
    throw error instanceof Error && error.name === 'DriveError' ? error : refuse('they are no archive');
  }
  return files === 0 ? null : Buffer.concat(collected);
}
