import { createHash } from 'node:crypto';
import type { Digest } from '@millwright/domain';

/** Of a policy's text as it stands, in UTF-8: another byte is another policy. */
export const policyDigest = (text: string): Digest =>
  `sha256:${createHash('sha256').update(text).digest('hex')}` as Digest;
