/**
 * Logout from this session or from all. Owns `POST /api/v1/auth/logout`, `POST /api/v1/auth/logout-all` and the page
 * `/logout`; no tables.
 *
 * Invariants:
 * - This process rejects the ended sessions from the response on, every other node within one second.
 * - `logout` is one statement and keeps the device known; `logout-all` raises the epoch and revokes known devices too.
 */
import { z } from 'zod';
import { apiEndpoint, type CookieChange, type CookieKind, type Endpoint } from '#platform/http/index.ts';
import { logOut, logOutEverywhere } from './logout.ts';
import { type LogoutPages, logoutPages } from './pages.ts';

export type { LogoutPages } from './pages.ts';

const nothing = z.object({});

/** Logout deletes our cookies by name. `Clear-Site-Data` would also delete what an application on this origin stores. */
const expired = (cookie: CookieKind): CookieChange => ({ cookie, change: 'expire' });

export function logoutEndpoints(logout: LogoutPages): readonly Endpoint[] {
  return [
    apiEndpoint({
      id: 'logout.this_session',
      method: 'POST',
      path: '/api/v1/auth/logout',
      tag: 'session',
      summary: 'End this session',
      auth: { principals: ['session'] },
      rateLimit: 'authenticated',
      request: {},
      response: { status: 200, message: 'Logged out', data: nothing, example: {} },
      problems: [],
      handler: async ({ principal }) => {
        await logOut(logout, principal);
        return { data: {}, cookies: [expired('session'), expired('login')] };
      },
    }),
    apiEndpoint({
      id: 'logout.everywhere',
      method: 'POST',
      path: '/api/v1/auth/logout-all',
      tag: 'session',
      summary: 'End all my sessions',
      description: 'Revokes every session, refresh token, ticket and known device, including this session.',
      auth: { principals: ['session'] },
      rateLimit: 'authenticated',
      request: {},
      response: {
        status: 200,
        message: 'Logged out everywhere',
        data: z.object({ endedSessions: z.int() }),
        example: { endedSessions: 3 },
      },
      problems: [],
      handler: async ({ principal }) => {
        const endedSessions = await logOutEverywhere(logout, principal);
        return { data: { endedSessions }, cookies: [expired('session'), expired('login'), expired('device')] };
      },
    }),
    ...logoutPages(logout),
  ];
}
