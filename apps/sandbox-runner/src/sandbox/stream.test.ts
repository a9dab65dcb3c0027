import { Duplex } from 'node:stream';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { demultiplex } from './mux.ts';
import { HeadTail } from './output.ts';
import { attachResident, type CallEnd } from './resident.ts';

const framed = (channel: 1 | 2, text: string | Buffer) => {
  const body = Buffer.from(text);
  const header = Buffer.from([channel, 0, 0, 0, 0, 0, 0, 0]);
  header.writeUInt32BE(body.length, 4);
  return Buffer.concat([header, body]);
};

test('a multiplexed stream is the same however it is cut', () => {
  const frames = fc.array(
    fc.tuple(fc.constantFrom(1 as const, 2 as const), fc.uint8Array({ maxLength: 40 })),
    { maxLength: 10 },
  );
  fc.assert(
    fc.property(frames, fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1 }), (parts, cuts) => {
      const bytes = Buffer.concat(parts.map(([channel, body]) => framed(channel, Buffer.from(body))));
      const got = { stdout: [] as Buffer[], stderr: [] as Buffer[] };
      const feed = demultiplex((channel, data) => got[channel].push(Buffer.from(data)));
      for (let at = 0, turn = 0; at < bytes.length; turn += 1) {
        const size = cuts[turn % cuts.length] ?? 1;
        feed(bytes.subarray(at, at + size));
        at += size;
      }
      const sent = (wanted: number) =>
        Buffer.concat(parts.filter(([channel]) => channel === wanted).map(([, body]) => body));
      expect(Buffer.concat(got.stdout)).toEqual(sent(1));
      expect(Buffer.concat(got.stderr)).toEqual(sent(2));
    }),
  );
  expect(() => demultiplex(() => {})(Buffer.from([3, 0, 0, 0, 0, 0, 0, 1, 1]))).toThrow('unknown channel');
});

test('what is kept is the head and the tail, and what is left out is counted', () => {
  fc.assert(
    fc.property(fc.array(fc.string({ maxLength: 30 })), fc.integer({ min: 0, max: 60 }), (chunks, max) => {
      const all = Buffer.from(chunks.join(''));
      const output = new HeadTail(max);
      for (const chunk of chunks) output.push(Buffer.from(chunk));
      const { output: text, droppedBytes } = output.text();
      expect(output.total).toBe(all.length);
      expect(droppedBytes).toBe(Math.max(0, all.length - max));
      if (droppedBytes === 0) {
        expect(text).toBe(all.toString());
        return;
      }
      const head = all.subarray(0, Math.ceil(max / 2)).toString();
      const tail = all.subarray(all.length - Math.floor(max / 2)).toString();
      expect(text).toBe(`${head}\n… ${droppedBytes} bytes left out …\n${max < 2 ? '' : tail}`);
    }),
  );
});

/** A tool process that answers as the test says; `answer` gets each call's nonce. */
function scripted(answer: (nonce: string) => Buffer[]) {
  const ended: string[] = [];
  const stream = new Duplex({
    read() {},
    write(chunk, _encoding, done) {
      const nonce = /^r ([0-9a-f]{32}) /m.exec(String(chunk))?.[1];
      if (nonce !== undefined) for (const part of answer(nonce)) this.push(part);
      done();
    },
  });
  const resident = attachResident(stream, {
    interrupt: () => Promise.resolve(),
    end: (reason) => ended.push(reason),
  });
  const output: string[] = [];
  const call = (timeoutMs = 1_000): Promise<CallEnd> =>
    resident.call('true', { shell: '/bin/sh', timeoutMs, onOutput: (data) => output.push(String(data)) });
  return { call, output, ended, stream };
}

const good = (nonce: string, status = 0) => [
  framed(2, `${nonce}+said${nonce}-`),
  framed(1, `${nonce} ${status}\n`),
];

test('a call is over when both channels say so, in any order and any pieces', async () => {
  const orders: ((nonce: string) => Buffer[])[] = [
    (nonce) => good(nonce, 3),
    (nonce) => good(nonce, 3).reverse(),
    (nonce) => [...Buffer.concat(good(nonce, 3))].map((byte) => Buffer.from([byte])),
    (nonce) => [framed(2, 'late from before'), ...good(nonce, 3), framed(2, 'after')],
  ];
  for (const order of orders) {
    const { call, output } = scripted(order);
    expect(await call()).toEqual({ kind: 'exited', exitCode: 3 });
    expect(output.join('')).toBe('said');
    expect(await call()).toEqual({ kind: 'exited', exitCode: 3 });
  }
});

test.each<[string, (nonce: string) => Buffer[]]>([
  ['another nonce', () => [framed(1, `${'0'.repeat(32)} 0\n`)]],
  ['no number', (nonce) => [framed(1, `${nonce} x\n`)]],
  ['two frames', (nonce) => [framed(1, `${nonce} 0\n${nonce} 0\n`)]],
  ['a second frame', (nonce) => [framed(1, `${nonce} 0\n`), framed(1, `${nonce} 0\n`)]],
  ['a frame without end', () => [framed(1, 'x'.repeat(100))]],
  ['a channel that is none', () => [Buffer.from([7, 0, 0, 0, 0, 0, 0, 1, 1])]],
])('%s is a forged frame: the sandbox is gone', async (_name, answer) => {
  const { call, ended } = scripted(answer);
  expect(await call()).toMatchObject({ kind: 'gone' });
  expect(ended).toHaveLength(1);
  expect(await call()).toMatchObject({ kind: 'gone' });
});

test('a frame that nobody asked for is forged too', async () => {
  const { call, stream, ended } = scripted((nonce) => good(nonce));
  await call();
  stream.push(framed(1, `${'0'.repeat(32)} 0\n`));
  await new Promise((resolve) => setImmediate(resolve));
  expect(ended).toEqual(['the tool process spoke out of turn: a forged or broken frame']);
});
