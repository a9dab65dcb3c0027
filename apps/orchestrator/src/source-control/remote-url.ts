import { isAbsolute } from 'node:path';

export type RemoteUrl = { kind: 'url'; url: string; local: boolean } | { kind: 'refused'; reason: string };

/**
 * Which addresses the factory fetches from and pushes to: an absolute path, `file://`, `https://`, `ssh://` and `git@host:path`.
 * Everything else, `ext::` above all (it runs a command), is refused here and again by git's own GIT_ALLOW_PROTOCOL.
 */
export function remoteUrl(text: string): RemoteUrl {
  if (/[\0\n\r]/.test(text)) return { kind: 'refused', reason: 'the address has a control character' };
  if (text.startsWith('-')) return { kind: 'refused', reason: 'an address does not start with -' };
  if (/^[a-z0-9+.-]+::/i.test(text))
    return {
      kind: 'refused',
      reason: `the protocol ${text.split('::')[0]}:: is not allowed; use a path, https://, ssh:// or file://`,
    };
  if (isAbsolute(text)) return { kind: 'url', url: text, local: true };
  if (text.startsWith('file:///')) return { kind: 'url', url: text, local: true };
  if (/^[a-z]+:\/\/[^/]*:[^/]*@/.test(text))
    return {
      kind: 'refused',
      reason:
        'an address with a password in it would be kept for good; give the address without it and the token on stdin, with --with-token',
    };
  if (/^(https|ssh):\/\/[^/]+\/.+/.test(text)) return { kind: 'url', url: text, local: false };
  if (/^[A-Za-z0-9._-]+@[A-Za-z0-9.-]+:[^:]+$/.test(text)) return { kind: 'url', url: text, local: false };
  const scheme = /^([a-z0-9+.-]+):/i.exec(text)?.[1];
  return {
    kind: 'refused',
    reason: scheme
      ? `the protocol ${scheme} is not allowed; use a path, https://, ssh:// or file://`
      : 'not an absolute path and not an https://, ssh:// or file:// address',
  };
}
