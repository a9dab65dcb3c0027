import { ChangeSet, type Digest, getJson, plainLine, plainText, type Run, Ticket } from '@millwright/domain';
import type { Store } from '@millwright/store';
import type { KnownSecrets } from '../streams/known-secrets.ts';

type Ports = { knownSecrets: KnownSecrets; store: Store };

/** Longer subjects are cut: what a forge shows of one. */
const SUBJECT = 100;
const BODY = 8_000;

/** The factory's own trailers are the factory's to write. */
const OWN_TRAILER = /^\s*Millwright-[\w-]*\s*:.*$/gim;

/** An implementer's message as it may land: visible, bounded, without trailers that only the factory writes. Never empty. */
export function cleanMessage(text: string, otherwise: string): string {
  const [first = '', ...rest] = plainText(text.normalize('NFC')).replace(OWN_TRAILER, '').trim().split('\n');
  const subject = first.trim() === '' ? plainLine(otherwise) : first.trim();
  const cut = subject.length > SUBJECT ? `${subject.slice(0, SUBJECT - 1)}…` : subject;
  const body = rest.join('\n').trim().slice(0, BODY);
  return body === '' ? cut : `${cut}\n\n${body}`;
}

/**
 * What is committed: of one task, or of rework on the whole, the implementer's own message, which its reviewer has seen; of several tasks the
 * ticket's title and their messages, one after the other. The factory's trailers end it.
 */
export async function commitMessageOf(factory: Ports, run: Run): Promise<string> {
  const { artifacts } = factory.store;
  const ticket = await getJson(artifacts, Ticket, run.ticketDigest);
  const said = async (change: Digest) => (await getJson(artifacts, ChangeSet, change)).commitMessage;
  const { mask } = await factory.knownSecrets.now();
  return `${mask(await written(run, ticket.title, said))}\n\nMillwright-Ticket: ${run.ticket}\nMillwright-Run: ${run.id}\n`;
}

async function written(run: Run, title: string, said: (change: Digest) => Promise<string>): Promise<string> {
  if (run.integration.made !== null) return cleanMessage(await said(run.integration.made.change), title);
  const made = run.tasks.flatMap((work) => (work.made === null ? [] : [work.made.change]));
  const messages = await Promise.all(made.map(said));
  const [only] = messages;
  if (only !== undefined && messages.length === 1) return cleanMessage(only, title);
  const parts = messages.map((message) => {
    const [subject, ...body] = cleanMessage(message, 'A part').split('\n');
    return [`- ${subject}`, ...body.filter((line) => line.trim() !== '').map((line) => `  ${line}`)].join(
      '\n',
    );
  });
  return cleanMessage(`${title}\n\n${parts.join('\n')}`, title);
}
