import type { RepoName } from '@millwright/domain';
import type { FastifyInstance } from 'fastify';
import { AlertMessage, incidentOf } from '../../incidents/alertmanager.ts';
import { raise } from '../../incidents/raise.ts';
import { cameFrom, LEAST_SECRET } from '../../incidents/signed.ts';
import { type Api, serve } from '../api.ts';
import { HttpProblem, problem } from '../problem.ts';

/** The repository's secret that its alerts are signed with. */
const ALERTS_SECRET = 'MILLWRIGHT_ALERTS';
const MAX_BYTES = 1 << 20;

/** Alerts come with a secret of their repository's own, not with a person's token; nothing of them is read before it is known to fit. */
export function incidentRoutes(app: FastifyInstance, { factory, wakeIntake }: Api): void {
  // Anybody may ask, so a storm of requests reads it once: all that ask while it is read share the answer.
  const reading = new Map<RepoName, Promise<string | null>>();
  const secretOf = (repo: RepoName): Promise<string | null> => {
    const read =
      reading.get(repo) ?? factory.secrets.get(repo, ALERTS_SECRET).finally(() => reading.delete(repo));
    reading.set(repo, read);
    return read;
  };
  app.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    // The bytes as they came: a body that was parsed and written again has another signature.
    scope.addContentTypeParser('*', { parseAs: 'buffer', bodyLimit: MAX_BYTES }, (_request, body, done) =>
      done(null, body),
    );
    serve(scope, 'alert', async (request, reply) => {
      const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
      const repo = factory.views.open.repo(request.params.repo as RepoName)?.repo;
      const secret = repo === undefined ? null : await secretOf(repo);
      const signature = request.headers['x-millwright-signature'];
      const headers = {
        signature: Array.isArray(signature) ? signature.join() : signature,
        authorization: request.headers.authorization,
      };
      if (repo === undefined || !cameFrom(secret, headers, body))
        throw new HttpProblem('not-signed', 'this alert is not signed with the secret of its repository', {
          acts: [
            {
              act: 'set-secret',
              name: ALERTS_SECRET,
              to: `set one of ${LEAST_SECRET} characters or more`,
            },
          ],
          hint: 'send the secret as a Bearer token, or sign the body: x-millwright-signature: sha256=<hex of HMAC-SHA256>',
        });
      const incident = incidentOf(messageOf(body));
      if (incident === null) return { ticket: null, again: false };
      const raised = await raise(factory, { repo, ...incident });
      wakeIntake();
      return reply.status(raised.again ? 200 : 201).send(raised);
    });
  });
}

function messageOf(body: Buffer): AlertMessage {
  let parsed: unknown;
  try {
    parsed = JSON.parse(body.toString('utf8'));
  } catch {
    throw problem('bad-alert', 'that is no JSON');
  }
  const message = AlertMessage.safeParse(parsed);
  if (message.success) return message.data;
  const issue = message.error.issues[0];
  throw problem(
    'bad-alert',
    `${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'it does not fit'}`,
    'send what Alertmanager sends to a webhook receiver, version 4',
  );
}
