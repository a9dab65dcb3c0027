import type Anthropic from '@anthropic-ai/sdk';
import type { Workspace } from '@millwright/domain';

// A picture of the sandbox as the API takes it. What it is, is told by its bytes, which are hostile: nothing is decoded, only its header is read.
// Bounds, source: https://platform.claude.com/docs/en/build-with-claude/vision ("General limits": JPEG, PNG, GIF, WebP; 8,000 pixels a side; 5 MB).

/** Of its base64, which is what is sent. */
const MAX_BASE64 = 5 * 1024 * 1024;
const MAX_FILE = Math.floor(MAX_BASE64 / 4) * 3;
const MAX_SIDE = 8_000;

export type Picture = { path: string; block: Anthropic.ImageBlockParam };
type Kind = Anthropic.Base64ImageSource['media_type'];

const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;

/** What the bash tool's first line asks to look at, or null. */
export const askedPicture = (command: string): string | null =>
  /^\s*#\s*picture:[ \t]*(\S[^\n]*?)[ \t]*\n?$/i.exec(command)?.[1] ?? null;

export async function readPicture(
  workspace: Pick<Workspace, 'exec'>,
  path: string,
  signal: AbortSignal,
): Promise<
  { kind: 'picture'; picture: Picture } | { kind: 'no'; why: string } | { kind: 'gone'; reason: string }
> {
  const no = (why: string) => ({ kind: 'no', why: `${path}: ${why}` }) as const;
  const file = quoted(path);
  const done = await workspace.exec(
    `[ -f ${file} ] || { echo 'it is no file'; exit 1; }; n=$(wc -c <${file}); [ "$n" -le ${MAX_FILE} ] || { echo "it has $n bytes; ${MAX_FILE} at most"; exit 1; }; base64 -w0 <${file}`,
    { timeoutMs: 30_000, maxBytes: MAX_BASE64 + 1_024, signal },
  );
  if (done.kind === 'gone') return { kind: 'gone', reason: done.reason };
  if (done.kind === 'timed_out') return no('it could not be read in time');
  if (done.exitCode !== 0) return no(done.output.trim().slice(0, 500));
  const data = done.output.trim();
  const seen = lookAt(Buffer.from(data, 'base64'));
  if (seen === null) return no('it is no PNG, JPEG, GIF or WebP');
  const { type, width, height } = seen;
  if (width === 0 || height === 0 || Math.max(width, height) > MAX_SIDE)
    return no(`it has ${width} × ${height} pixels; ${MAX_SIDE} a side at most`);
  return {
    kind: 'picture',
    picture: { path, block: { type: 'image', source: { type: 'base64', media_type: type, data } } },
  };
}

/** Kind and size by the first bytes; null for anything else. */
export function lookAt(bytes: Buffer): { type: Kind; width: number; height: number } | null {
  const ascii = (at: number, text: string) => bytes.toString('latin1', at, at + text.length) === text;
  if (bytes.length < 32) return null;
  if (ascii(1, 'PNG\r\n\x1a\n') && ascii(12, 'IHDR'))
    return { type: 'image/png', width: bytes.readUInt32BE(16), height: bytes.readUInt32BE(20) };
  if (ascii(0, 'GIF87a') || ascii(0, 'GIF89a'))
    return { type: 'image/gif', width: bytes.readUInt16LE(6), height: bytes.readUInt16LE(8) };
  if (ascii(0, 'RIFF') && ascii(8, 'WEBP')) return webp(bytes);
  return bytes.readUInt16BE(0) === 0xffd8 ? jpeg(bytes) : null;
}

/** Source: https://developers.google.com/speed/webp/docs/riff_container (VP8X, VP8, VP8L) */
function webp(bytes: Buffer): { type: Kind; width: number; height: number } | null {
  const type = 'image/webp';
  switch (bytes.toString('latin1', 12, 16)) {
    case 'VP8X':
      return { type, width: bytes.readUIntLE(24, 3) + 1, height: bytes.readUIntLE(27, 3) + 1 };
    case 'VP8 ':
      return { type, width: bytes.readUInt16LE(26) & 0x3fff, height: bytes.readUInt16LE(28) & 0x3fff };
    case 'VP8L': {
      const bits = bytes.readUInt32LE(21);
      return { type, width: (bits & 0x3fff) + 1, height: ((bits >>> 14) & 0x3fff) + 1 };
    }
    default:
      return null;
  }
}

/** The first frame header (SOF0 to SOF15 but tables) has the size. Source: ITU-T T.81, B.2.2 */
function jpeg(bytes: Buffer): { type: Kind; width: number; height: number } | null {
  for (let at = 2; at + 9 < bytes.length && bytes[at] === 0xff; ) {
    const marker = bytes[at + 1] ?? 0;
    const frame = marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);
    if (frame)
      return { type: 'image/jpeg', height: bytes.readUInt16BE(at + 5), width: bytes.readUInt16BE(at + 7) };
    at += 2 + bytes.readUInt16BE(at + 2);
  }
  return null;
}
