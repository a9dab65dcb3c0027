import { type Header, pack } from 'tar-stream';
import { expect, test } from 'vitest';
import { checksArchive, repack } from './checks-archive.ts';

async function tarOf(entries: (Partial<Header> & { name: string; text?: string })[]): Promise<Buffer> {
  const tar = pack();
  for (const { text, ...header } of entries) tar.entry(header, text ?? '');
  tar.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of tar) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
const folder = { name: '.millwright-checks/', type: 'directory' } as const;
const file = { name: '.millwright-checks/a.cjs', text: 'ok', mode: 0o4777 };

test('plain files are taken over, with nothing but their name, content and whether they are executable', async () => {
  const tar = await tarOf([folder, { ...file, uid: 0, uname: 'root', mtime: new Date() }]);
  const again = await repack(tar);
  expect(again).toEqual(await repack(await tarOf([file])));
  expect(Buffer.from(again ?? []).includes('root')).toBe(false);
});

test('no file is no archive', async () => {
  expect(await repack(await tarOf([folder]))).toBeNull();
});

test.each<[string, Partial<Header> & { name: string; text?: string }]>([
  ['a symbolic link', { name: '.millwright-checks/l', type: 'symlink', linkname: '/etc/passwd' }],
  ['a hard link', { name: '.millwright-checks/l', type: 'link', linkname: '.millwright-checks/a.cjs' }],
  ['a device', { name: '.millwright-checks/d', type: 'character-device' }],
  ['a path that climbs', { name: '.millwright-checks/../src/a.js', text: 'x' }],
  ['a path elsewhere', { name: 'src/a.js', text: 'x' }],
  ['an absolute path', { name: '/etc/passwd', text: 'x' }],
  ['too much', { name: '.millwright-checks/big', text: 'x'.repeat(5 * 1024 * 1024) }],
])('%s is refused', async (_name, entry) => {
  await expect(repack(await tarOf([file, entry]))).rejects.toMatchObject({
    code: 'checks-refused',
    disposition: 'terminal',
  });
});

test('what is no archive is refused', async () => {
  await expect(repack(Buffer.from('x'.repeat(600)))).rejects.toMatchObject({ code: 'checks-refused' });
});

test('what another process writes into the answer is left out, or asked past', async () => {
  const tar = await tarOf([file]);
  let asked = 0;
  const exec = async (command: string) => {
    const mark = command.slice(5, 37);
    const text = tar.toString('base64');
    asked += 1;
    // Before the answer; in the middle of it, the first time.
    const output = `late\n${mark}\n${asked === 1 ? `${text.slice(0, 40)}late\n${text.slice(40)}` : text}\n${mark}\n`;
    return { kind: 'exited' as const, exitCode: 0, output, droppedBytes: 0, ms: 1 };
  };
  expect(await checksArchive({ exec })).toEqual(await repack(tar));
  expect(asked).toBe(2);
});
