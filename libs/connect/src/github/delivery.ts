import { verify } from '@octokit/webhooks-methods';

/** Whether a delivery was signed by somebody who knows the secret: `X-Hub-Signature-256`, over the bytes as they came. */
export const isFromGitHub = async (
  secret: string | null,
  signature: string | undefined,
  body: string,
): Promise<boolean> =>
  secret !== null && signature !== undefined && body !== '' && (await verify(secret, body, signature));
