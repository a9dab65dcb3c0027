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

const good = (nonce: string, status = 0) => [framed(1, 'said'), framed(1, `${nonce} ${status}\n`)];

test("a call is over when its frame has come, in any pieces, and what comes after it is nobody's", async () => {
  const orders: ((nonce: string) => Buffer[])[] = [
    (nonce) => good(nonce, 3),
    (nonce) => [framed(1, `said${nonce} 3\n`)],
    (nonce) => [...Buffer.concat(good(nonce, 3))].map((byte) => Buffer.from([byte])),
    (nonce) => [...good(nonce, 3), framed(1, 'after')],
    (nonce) => [framed(1, `said${nonce} 3\nafter`), framed(1, `${nonce} 4\n`)],
  ];
  for (const order of orders) {
    const { call, output } = scripted(order);
    expect(await call()).toEqual({ kind: 'exited', exitCode: 3 });
    expect(output.join('')).toBe('said');
    expect(await call()).toEqual({ kind: 'exited', exitCode: 3 });
    expect(output.join('')).toBe('saidsaid');
  }
});

test("another call's frame, or half of one, is output", async () => {
  let first = '';
  const { call, output } = scripted((nonce) => {
    const said = first === '' ? '' : `${first} 0\n${nonce.slice(0, 31)} 0\n${nonce}x`;
    first ||= nonce;
    return [framed(1, `${said}${nonce} 7\n`)];
  });
  await call();
  expect(await call()).toEqual({ kind: 'exited', exitCode: 7 });
  expect(output.join('')).toMatch(/^[0-9a-f]{32} 0\n[0-9a-f]{31} 0\n[0-9a-f]{32}x$/);
});

test.each<[string, (nonce: string) => Buffer[]]>([
  ['no number', (nonce) => [framed(1, `${nonce} x\n`)]],
  ['no status', (nonce) => [framed(1, `${nonce} \n`)]],
  ['a number without end', (nonce) => [framed(1, `${nonce} 1234`)]],
  ['the other channel', (nonce) => [framed(2, `${nonce} 0\n`)]],
  ['a channel that is none', () => [Buffer.from([7, 0, 0, 0, 0, 0, 0, 1, 1])]],
])('%s is a broken frame: the sandbox is gone', async (_name, answer) => {
  const { call, ended } = scripted(answer);
  expect(await call()).toMatchObject({ kind: 'gone' });
  expect(ended).toHaveLength(1);
  expect(await call()).toMatchObject({ kind: 'gone' });
});
