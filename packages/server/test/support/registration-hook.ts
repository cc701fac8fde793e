/** The registration hook, in the words of tests: its settings, its questions, and what the audit log keeps of them. */
import { createHmac } from 'node:crypto';
import { statement } from '#platform/database/index.ts';
import type { Application } from './application.ts';
import type { HttpReceiver, Reaction, ReceivedRequest } from './http-receiver.ts';
import { json } from './http-receiver.ts';

const secret = Buffer.alloc(32, 7);

/** Settings that send the questions to a port of this machine. */
export function hookSettings(port: number, more: Readonly<Record<string, string>> = {}): Record<string, string> {
  return {
    LATCHKEY_REGISTRATION_HOOK_URL: `http://127.0.0.1:${port}/may-register`,
    LATCHKEY_REGISTRATION_HOOK_SECRET: secret.toString('base64'),
    LATCHKEY_REGISTRATION_HOOK_ALLOW_PRIVATE: '1',
    ...more,
  };
}

/** The questions about one address. */
export function hookRequestsFor(receiver: HttpReceiver, email: string): Record<string, unknown>[] {
  const bodies = receiver.received.map(({ body }) => JSON.parse(body) as Record<string, unknown>);
  return bodies.filter((body) => body.email === email.toLowerCase());
}

/** Whether a question is signed as the guide says; written apart from the code that signs. */
export function isSigned({ headers, body }: ReceivedRequest): boolean {
  const text = `${String(headers['webhook-id'])}.${String(headers['webhook-timestamp'])}.${body}`;
  return headers['webhook-signature'] === `v1,${createHmac('sha256', secret).update(text).digest('base64')}`;
}

/** What is no answer, and the code under which it is recorded. */
export const invalidHookResponses: readonly (readonly [why: string, what: string, reaction: Reaction])[] = [
  ['timeout', 'silence', () => undefined],
  ['timeout', 'half an answer', (response) => void response.writeHead(200).write('{"allow":')],
  ['broken', 'a connection that is cut', (response) => void response.socket?.destroy()],
  ['status', 'a 500', json({ allow: true }, 500)],
  ['status', 'a 403', json({ allow: true }, 403)],
  ['status', 'a redirect', (response) => void response.writeHead(302, { location: '/yes' }).end('{"allow":true}')],
  ['status', 'a 204', (response) => void response.writeHead(204).end()],
  ['too_large', 'a huge answer', json({ allow: true, reason: 'x'.repeat(5000) })],
  ['malformed_answer', 'HTML', (response) => void response.writeHead(200, { 'content-type': 'text/html' }).end('yes')],
  ['malformed_answer', 'JSON without its type', (response) => void response.writeHead(200).end('{"allow":true}')],
  ['malformed_answer', 'a yes that is text', json({ allow: 'true' })],
  ['malformed_answer', 'a yes that is a number', json({ allow: 1 })],
  ['malformed_answer', 'an empty object', json({})],
  ['malformed_answer', 'a list', json([{ allow: true }])],
];

const findEvents = statement('test_registration_hook.find_events', {
  lane: 'pool',
  sql: `select body from audit_events where action = :action order by id`,
  params: { action: 'text' },
  columns: { body: 'bytea' },
});

/** The newest event of an action: its facts, and all of its text. */
export async function newestEvent(
  app: Application,
  action: 'registration_hook.refused' | 'registration_hook.unanswered',
): Promise<{ readonly facts: unknown; readonly text: string } | undefined> {
  const rows = await app.services.database.rows(findEvents, { action });
  const text = rows.at(-1)?.body.toString('utf8');
  return text === undefined ? undefined : { facts: (JSON.parse(text) as { facts: unknown }).facts, text };
}
