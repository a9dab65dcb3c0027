import { isTooLong, matchesAny } from './glob.ts';

/** One side of a changed file: its bytes as the tree has them. `bytes` is null where they were not read (too many, or not a blob). */
export type Side = { mode: string; bytes: Uint8Array | null };
/** A changed path with both sides; null where that side has no such path. */
export type ChangedFile = { path: string; before: Side | null; after: Side | null };

/**
 * What a side says. `binary`: of a format that is not text, by name and first bytes. `opaque`: not text, and nobody can say what it does.
 * `undecodable`: meant as text, and no text. `unread`: its bytes are not there. Every kind but `unread` has characters to search, a byte each
 * where they are no text.
 */
export type Reading =
  | { kind: 'text' | 'utf16' | 'binary' | 'opaque' | 'undecodable'; text: string }
  | { kind: 'unread'; text: null };

const LINK = '120000';
const SUBMODULE = '160000';

/** Formats that show, sound or write something, by what their files begin with (the registry of magic numbers of file(1)). */
const SHOWN: readonly { names: string; begins: readonly number[][] }[] = [
  { names: '*.png', begins: [[0x89, 0x50, 0x4e, 0x47]] },
  { names: '*.{jpg,jpeg}', begins: [[0xff, 0xd8, 0xff]] },
  { names: '*.gif', begins: [[0x47, 0x49, 0x46, 0x38]] },
  { names: '*.{webp,wav,avi}', begins: [[0x52, 0x49, 0x46, 0x46]] },
  { names: '*.ico', begins: [[0, 0, 1, 0]] },
  { names: '*.bmp', begins: [[0x42, 0x4d]] },
  { names: '*.woff', begins: [[0x77, 0x4f, 0x46, 0x46]] },
  { names: '*.woff2', begins: [[0x77, 0x4f, 0x46, 0x32]] },
  {
    names: '*.ttf',
    begins: [
      [0, 1, 0, 0],
      [0x74, 0x72, 0x75, 0x65],
    ],
  },
  { names: '*.otf', begins: [[0x4f, 0x54, 0x54, 0x4f]] },
  {
    names: '*.mp3',
    begins: [
      [0x49, 0x44, 0x33],
      [0xff, 0xfb],
      [0xff, 0xf3],
    ],
  },
  { names: '*.{ogg,oga,ogv}', begins: [[0x4f, 0x67, 0x67, 0x53]] },
  { names: '*.flac', begins: [[0x66, 0x4c, 0x61, 0x43]] },
  { names: '*.pdf', begins: [[0x25, 0x50, 0x44, 0x46]] },
];

/** Names of what is not text, and may do anything: programs, archives, databases, models. */
const OPAQUE = [
  '*.{bin,dat,data,blob,raw,db,sqlite,sqlite3,mdb,pb,npy,npz,pkl,pickle,parquet,arrow,feather,onnx,pt,pth,h5,hdf5,tflite,gguf,safetensors}',
  '*.{exe,dll,so,dylib,a,o,obj,lib,node,wasm,class,jar,war,ear,pyc,pyo,whl,egg,deb,rpm,apk,msi,dmg,iso,img}',
  '*.{zip,gz,tgz,bz2,xz,zst,lz4,br,7z,rar,tar,cab,doc,docx,xls,xlsx,ppt,pptx,odt,ods,mp4,m4a,mov,mkv,webm,avif,heic,tif,tiff,eot,psd,ai,key,p12,pfx,jks,keystore,der,gpg}',
  'bun.lockb',
].map((pattern) => `**/${pattern}`);

const beginsWith = (bytes: Uint8Array, begin: readonly number[]): boolean =>
  begin.every((byte, i) => bytes[i] === byte);

const isShown = (path: string, bytes: Uint8Array): boolean =>
  SHOWN.some(
    ({ names, begins }) => matchesAny(path, [`**/${names}`]) && begins.some((one) => beginsWith(bytes, one)),
  );

const BYTE_ORDER_MARKS: readonly { label: string; mark: readonly number[] }[] = [
  { label: 'utf-16le', mark: [0xff, 0xfe] },
  { label: 'utf-16be', mark: [0xfe, 0xff] },
];

/** The bytes as text of this encoding, or null where they are none. A mark at the beginning is not part of it. */
function decoded(bytes: Uint8Array, label: string): string | null {
  try {
    return new TextDecoder(label, { fatal: true }).decode(bytes);
  } catch (error) {
    if (error instanceof TypeError) return null;
    throw error;
  }
}

/** A byte a character (ISO 8859-1), in portions that a call's arguments take. */
function asBytes(bytes: Uint8Array): string {
  let text = '';
  for (let at = 0; at < bytes.length; at += 8_192)
    text += String.fromCharCode(...bytes.subarray(at, at + 8_192));
  return text;
}

/** UTF-16 without a mark: every other byte of what people write is NUL, so what is left says the same. */
const withoutNul = (text: string): string => text.replaceAll('\0', '');

function readSide(path: string, { mode, bytes }: Side): Reading {
  if (bytes === null || mode === SUBMODULE) return { kind: 'unread', text: null };
  const marked = BYTE_ORDER_MARKS.find(({ mark }) => beginsWith(bytes, mark));
  const wide = marked && decoded(bytes, marked.label);
  if (typeof wide === 'string' && !wide.includes('\0')) return { kind: 'utf16', text: wide };
  const text = decoded(bytes, 'utf-8');
  if (text !== null && !text.includes('\0')) return { kind: 'text', text };
  const raw = withoutNul(asBytes(bytes));
  if (mode !== LINK && isShown(path, bytes)) return { kind: 'binary', text: raw };
  return { kind: !isTooLong(path) && matchesAny(path, OPAQUE) ? 'opaque' : 'undecodable', text: raw };
}

/** A changed file as it is searched. A side that is not there has an empty text; one that was not read has none. */
export type ReadFile = {
  path: string;
  before: Reading | null;
  after: Reading | null;
};

export const readFile = ({ path, before, after }: ChangedFile): ReadFile => ({
  path,
  before: before && readSide(path, before),
  after: after && readSide(path, after),
});

/** True for a file that becomes something else than an ordinary one: a program, a link, another repository. */
export const makesOdd = ({ before, after }: ChangedFile): boolean =>
  after !== null && after.mode !== '100644' && after.mode !== before?.mode;

/** True for what is, or was, a link or another repository: what its bytes say is no text of the path's kind. */
export const isNoFile = ({ before, after }: ChangedFile): boolean =>
  [before, after].some((side) => side?.mode === LINK || side?.mode === SUBMODULE);
