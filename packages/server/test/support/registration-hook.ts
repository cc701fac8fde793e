/** The registration hook in tests: its settings, the requests it receives, and its audit events. */
import { createHmac } from 'node:crypto';
import { statement } from '#platform/database/index.ts';
import type { Application } from './application.ts';
import type { HttpReceiver, Reaction, ReceivedRequest } from './http-receiver.ts';
import { json } from './http-receiver.ts';

const secret = Buffer.alloc(32, 7);

/** Settings of a hook at a port of 127.0.0.1. */
export function hookSettings(port: number, more: Readonly<Record<string, string>> = {}): Record<string, string> {
  return {
    LATCHKEY_REGISTRATION_HOOK_URL: `http://127.0.0.1:${port}/may-register`,
    LATCHKEY_REGISTRATION_HOOK_SECRET: secret.toString('base64'),
    LATCHKEY_REGISTRATION_HOOK_ALLOW_PRIVATE: '1',
    ...more,
  };
}

/** The bodies of the hook's requests about one address. */
export function hookRequestsFor(receiver: HttpReceiver, email: string): Record<string, unknown>[] {
  const bodies = receiver.received.map(({ body }) => JSON.parse(body) as Record<string, unknown>);
  return bodies.filter((body) => body.email === email.toLowerCase());
}

/** Whether a request is signed as docs/guides/registration-hook.md describes; implemented apart from the code that signs. */
export function isSigned({ headers, body }: ReceivedRequest): boolean {
  const text = `${String(headers['webhook-id'])}.${String(headers['webhook-timestamp'])}.${body}`;
  return headers['webhook-signature'] === `v1,${createHmac('sha256', secret).update(text).digest('base64')}`;
}

/** Invalid responses of a hook, each with the reason that the audit event records. */
export const invalidHookResponses: readonly (readonly [why: string, what: string, reaction: Reaction])[] = [
  ['timeout', 'silence', () => undefined],
  ['timeout', 'an incomplete response', (response) => void response.writeHead(200).write('{"allow":')],
  ['broken', 'a closed connection', (response) => void response.socket?.destroy()],
  ['status', 'a 500', json({ allow: true }, 500)],
  ['status', 'a 403', json({ allow: true }, 403)],
  ['status', 'a redirect', (response) => void response.writeHead(302, { location: '/yes' }).end('{"allow":true}')],
  ['status', 'a 204', (response) => void response.writeHead(204).end()],
  ['too_large', 'a response that is too large', json({ allow: true, reason: 'x'.repeat(5000) })],
  ['malformed_answer', 'HTML', (response) => void response.writeHead(200, { 'content-type': 'text/html' }).end('yes')],
  [
    'malformed_answer',
    'JSON without its content type',
    (response) => void response.writeHead(200).end('{"allow":true}'),
  ],
  ['malformed_answer', '`allow` as a string', json({ allow: 'true' })],
  ['malformed_answer', '`allow` as a number', json({ allow: 1 })],
  ['malformed_answer', 'an empty object', json({})],
  ['malformed_answer', 'a list', json([{ allow: true }])],
];

const findEvents = statement('test_registration_hook.find_events', {
  lane: 'pool',
  sql: `select body from audit_events where action = :action order by id`,
  params: { action: 'text' },
  columns: { body: 'bytea' },
});

/** The newest event of an action: its facts, and its whole text. */
export async function newestEvent(
  app: Application,
  action: 'registration_hook.refused' | 'registration_hook.unanswered',
): Promise<{ readonly facts: unknown; readonly text: string } | undefined> {
  const rows = await app.services.database.rows(findEvents, { action });
  const text = rows.at(-1)?.body.toString('utf8');
  return text === undefined ? undefined : { facts: (JSON.parse(text) as { facts: unknown }).facts, text };
}
