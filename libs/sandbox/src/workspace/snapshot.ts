import { extract, type Header } from 'tar-stream';

const KINDS = new Set(['file', 'directory', 'symlink', 'link', 'character-device', 'fifo']);

/** Why an entry of a snapshot may not be written by the host, or null. Pure. */
export function badEntry(header: Pick<Header, 'name'> & Partial<Header>) {
  const { name, type } = header;
  if (type === undefined || type === null || !KINDS.has(type)) return `${name} is a ${type ?? 'thing'}`;
  if (escapes(name)) return `${name} is outside`;
  if (type === 'link' && (typeof header.linkname !== 'string' || escapes(header.linkname)))
    return `${name} is a hard link to outside`;
  // An overlay's whiteout is the device 0/0, which is no device at all.
  if (type === 'character-device' && ((header.devmajor ?? 0) !== 0 || (header.devminor ?? 0) !== 0))
    return `${name} is a device`;
  return null;
}

const escapes = (path: string) => path.startsWith('/') || path.split('/').includes('..');

/** Reads a whole snapshot and says why it may not be put back, or null. An entry below a symlink of the same archive is refused too. */
export function checkSnapshot(tar: Uint8Array): Promise<string | null> {
  return new Promise((resolve) => {
    const links = new Set<string>();
    const reader = extract();
    const refuse = (reason: string) => {
      resolve(reason);
      reader.destroy();
    };
    reader.on('entry', (header, body, next) => {
      const path = header.name.replace(/^(\.\/)+/, '').replace(/\/+$/, '');
      const bad =
        badEntry(header) ??
        (ancestors(path).some((folder) => links.has(folder)) ? `${path} lies below a symlink` : null);
      if (bad !== null) return refuse(bad);
      if (header.type === 'symlink') links.add(path);
      else if (links.has(path)) return refuse(`${path} is there twice`);
      body.on('end', next);
      body.resume();
    });
    reader.on('finish', () => resolve(null));
    reader.on('error', (error) => resolve(`not a tar: ${error.message}`));
    reader.end(Buffer.from(tar.buffer, tar.byteOffset, tar.byteLength));
  });
}

const ancestors = (path: string): string[] => {
  const parts = path.split('/');
  return parts.slice(0, -1).map((_, index) => parts.slice(0, index + 1).join('/'));
};
