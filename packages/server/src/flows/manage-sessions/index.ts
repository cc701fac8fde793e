/**
 * The caller's own sessions and known devices. Owns `GET` and `DELETE /api/v1/users/me/sessions`, `DELETE
 * /api/v1/users/me/sessions/{id}`, `GET /api/v1/users/me/devices` and `DELETE /api/v1/users/me/devices/{id}`, and the pages
 * `/account/sessions`, `/account/sessions/end`, `/account/sessions/end-others` and `/account/sessions/forget-device`; no tables.
 *
 * Invariants:
 * - The session of another user gets the same 404 as an unknown id.
 * - A device that is forgotten ends no session, and is a new one at its next login.
 * - Each end of a session commits with its audit event and its revocation.
 */
import { z } from 'zod';
import { apiEndpoint, type Endpoint, exampleValues } from '#platform/http/index.ts';
import { maxCursorLength } from './cursor.ts';
import { deviceEndpoints } from './device-endpoints.ts';
import { endOne, endOthers, listOwn } from './manage-sessions.ts';
import { type SessionPages, sessionPages } from './pages.ts';

const listed = z.object({
  id: z.uuid(),
  current: z.boolean(),
  clientId: z.string(),
  transport: z.enum(['cookie', 'token']),
  amr: z.array(z.string()),
  device: z.object({ words: z.string(), browser: z.string().nullable(), os: z.string().nullable() }),
  address: z.string().nullable(),
  authTime: z.iso.datetime(),
  createdAt: z.iso.datetime(),
  lastSeenAt: z.iso.datetime(),
  expiresAt: z.iso.datetime(),
});

const listedExample: z.output<typeof listed> = {
  id: exampleValues.sessionId,
  current: true,
  clientId: 'default',
  transport: 'cookie',
  amr: ['pwd'],
  device: { words: 'Firefox on Linux', browser: 'Firefox', os: 'Linux' },
  address: '203.0.113.7',
  authTime: exampleValues.authTime,
  createdAt: exampleValues.authTime,
  lastSeenAt: '2026-01-02T09:30:00.000Z',
  expiresAt: exampleValues.expiresAt,
};

const path = '/api/v1/users/me/sessions';

const maxPageSize = 100;
const pageSize = z
  .string()
  .regex(/^(?:[1-9]\d?|100)$/, `Use a number from 1 to ${maxPageSize}.`)
  .transform(Number);

export function manageSessionsEndpoints(sessions: SessionPages): readonly Endpoint[] {
  return [
    apiEndpoint({
      id: 'sessions.list',
      method: 'GET',
      path,
      tag: 'account',
      summary: 'My active sessions, newest first',
      description: 'A user has about 100 sessions at most; a further login ends the oldest ones.',
      auth: { principals: ['session'] },
      rateLimit: 'authenticated',
      request: {
        query: z.strictObject({ limit: pageSize.optional(), cursor: z.string().max(maxCursorLength).optional() }),
      },
      response: {
        status: 200,
        message: 'Active sessions',
        data: z.array(listed),
        example: [listedExample],
        list: true,
      },
      problems: [],
      handler: ({ principal, query: { limit = maxPageSize, cursor } }) =>
        listOwn(sessions, principal, { limit, cursor }),
    }),
    apiEndpoint({
      id: 'sessions.end_one',
      method: 'DELETE',
      path: `${path}/{id}`,
      tag: 'account',
      summary: 'End one of my sessions',
      auth: { principals: ['session'] },
      rateLimit: 'authenticated',
      request: { params: z.strictObject({ id: z.uuid() }) },
      response: { status: 200, message: 'Session ended', data: z.object({}), example: {} },
      problems: ['session_not_found'],
      handler: async ({ principal, params }) => {
        await endOne(sessions, principal, params.id.toLowerCase());
        return { data: {} };
      },
    }),
    apiEndpoint({
      id: 'sessions.end_others',
      method: 'DELETE',
      path,
      tag: 'account',
      summary: 'End all my other sessions',
      auth: { principals: ['session'] },
      rateLimit: 'authenticated',
      request: {},
      response: {
        status: 200,
        message: 'Other sessions ended',
        data: z.object({ endedSessions: z.int() }),
        example: { endedSessions: 2 },
      },
      problems: [],
      handler: async ({ principal }) => ({ data: { endedSessions: await endOthers(sessions, principal) } }),
    }),
    ...deviceEndpoints(sessions),
    ...sessionPages(sessions),
  ];
}
