import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

// Stand-ins for Bedrock and Vertex at their wire, before a recorded model: they let in, take apart and refuse as the clouds do, and hand on what is
// left, which is the Messages API. Sources: claude-in-amazon-bedrock and claude-on-vertex-ai (model/endpoint.ts has the addresses);
// docs.aws.amazon.com/bedrock/latest/userguide ("Troubleshooting Amazon Bedrock API error codes"); google.aip.dev/193 for errors.

export type Cloud = { url: string; asked: string[]; close(): Promise<void> };

async function serve(
  handle: (request: IncomingMessage, body: string, response: ServerResponse) => Promise<void>,
): Promise<{ url: string; close(): Promise<void> }> {
  const server: Server = createServer((request, response) => {
    text(request)
      .then((body) => handle(request, body, response))
      .catch((error: unknown) => response.writeHead(500).end(String(error)));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function handOn(
  recorded: string,
  path: string,
  body: Record<string, unknown>,
  version: string,
  response: ServerResponse,
): Promise<void> {
  const answer = await fetch(`${recorded}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-api-key': 'k', 'anthropic-version': version },
    body: JSON.stringify(body),
  });
  response.writeHead(answer.status, { 'content-type': answer.headers.get('content-type') ?? '' });
  for await (const chunk of answer.body ?? []) response.write(chunk);
  response.end();
}

const json = (response: ServerResponse, status: number, body: unknown, headers = {}): void => {
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
};

/** Takes requests signed with `keyId` for `bedrock-mantle` in us-east-1, or with the bearer token. Serves `models` to whom it lets in. */
export async function startBedrock(given: {
  recorded: string;
  keyId: string;
  bearer: string;
  noAccess?: string;
}): Promise<Cloud> {
  const asked: string[] = [];
  const server = await serve(async ({ url = '', headers }, text, response) => {
    const { authorization = '' } = headers;
    const signed = `AWS4-HMAC-SHA256 Credential=${given.keyId}/[0-9]{8}/us-east-1/bedrock-mantle/aws4_request, SignedHeaders=[^ ]*host[^ ]*, Signature=[0-9a-f]{64}`;
    if (!new RegExp(`^(${signed}|Bearer ${given.bearer})$`).test(authorization))
      return json(
        response,
        403,
        { message: 'The security token included in the request is invalid.' },
        { 'x-amzn-errortype': 'UnrecognizedClientException:http://internal/' },
      );
    const { model, ...body } = JSON.parse(text) as { model: string };
    asked.push(`${url} ${model}`);
    const name = /^anthropic\.(.+)$/.exec(model)?.[1];
    if (name === undefined || !url.startsWith('/anthropic/v1/messages'))
      return json(response, 404, { message: `The model ${model} does not exist.` });
    if (name === given.noAccess)
      return json(
        response,
        403,
        { message: "You don't have access to the model with the specified model ID." },
        { 'x-amzn-errortype': 'AccessDeniedException' },
      );
    const version = String(headers['anthropic-version']);
    await handOn(given.recorded, url.slice('/anthropic'.length), { ...body, model: name }, version, response);
  });
  return { ...server, asked };
}

const PATH = /^\/v1\/projects\/([^/]+)\/locations\/([^/]+)\/publishers\/anthropic\/models\/([^/:]+):(\w+)$/;

/** Takes requests for the project `proj` in `global` with the token that `/token` gives out to who shows `subject`. */
export async function startVertex(given: { recorded: string; subject: string }): Promise<Cloud> {
  const asked: string[] = [];
  const google = (response: ServerResponse, code: number, status: string, message: string) =>
    json(response, code, [{ error: { code, message, status } }]);
  const server = await serve(async ({ url = '', headers }, text, response) => {
    if (url === '/token') {
      if (new URLSearchParams(text).get('subject_token') !== given.subject)
        return json(response, 400, { error: 'invalid_grant', error_description: 'Bad token' });
      return json(response, 200, {
        ...{ access_token: 'ya29.given', token_type: 'Bearer', expires_in: 3600 },
        issued_token_type: 'urn:ietf:params:oauth:token-type:access_token',
      });
    }
    if (headers.authorization !== 'Bearer ya29.given')
      return google(response, 401, 'UNAUTHENTICATED', 'Request had invalid authentication credentials.');
    const [, project, location, model = '', method] = PATH.exec(url) ?? [];
    asked.push(url);
    if (project !== 'proj' || location !== 'global')
      return google(response, 403, 'PERMISSION_DENIED', `Permission denied on project ${project}.`);
    const { anthropic_version: version, ...body } = JSON.parse(text) as Record<string, unknown>;
    if (model === 'count-tokens')
      return body.model === 'claude-gone-1'
        ? google(response, 404, 'NOT_FOUND', `Publisher Model ${body.model} was not found.`)
        : handOn(given.recorded, '/v1/messages/count_tokens', body, String(version), response);
    if ('model' in body || method !== 'streamRawPredict' || model === 'claude-gone-1')
      return google(response, 404, 'NOT_FOUND', `Publisher Model ${model} was not found.`);
    await handOn(given.recorded, '/v1/messages', { ...body, model }, String(version), response);
  });
  return { ...server, asked };
}
