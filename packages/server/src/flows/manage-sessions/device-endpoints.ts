/** The known devices of the account that is signed in, as an API. */
import { z } from 'zod';
import { apiEndpoint, type Endpoint, exampleValues } from '#platform/http/index.ts';
import { forgetDevice, listDevices } from './manage-devices.ts';
import type { ManageSessions } from './manage-sessions.ts';

const known = z.object({
  id: z.uuid(),
  current: z.boolean(),
  device: z.object({ words: z.string(), browser: z.string().nullable(), os: z.string().nullable() }),
  createdAt: z.iso.datetime(),
  lastUsedAt: z.iso.datetime(),
  expiresAt: z.iso.datetime(),
});

const path = '/api/v1/users/me/devices';

export function deviceEndpoints(flow: ManageSessions): readonly Endpoint[] {
  return [
    apiEndpoint({
      id: 'devices.list',
      method: 'GET',
      path,
      tag: 'account',
      summary: 'My known devices, the last login first',
      description:
        'The devices that signed in within 180 days, since the last change that signed everything out; at most 100. `device` is ' +
        'empty for one without a recent session.',
      auth: { principals: ['session'] },
      rateLimit: 'authenticated',
      request: {},
      response: {
        status: 200,
        message: 'Known devices',
        data: z.object({ devices: z.array(known) }),
        example: {
          devices: [
            {
              id: exampleValues.sessionId,
              current: true,
              device: { words: 'Firefox on Linux', browser: 'Firefox', os: 'Linux' },
              createdAt: exampleValues.authTime,
              lastUsedAt: exampleValues.authTime,
              expiresAt: exampleValues.expiresAt,
            },
          ],
        },
      },
      problems: [],
      handler: async ({ principal }) => ({ data: { devices: await listDevices(flow, principal) } }),
    }),
    apiEndpoint({
      id: 'devices.forget',
      method: 'DELETE',
      path: `${path}/{id}`,
      tag: 'account',
      summary: 'Forget one of my known devices',
      description: 'Ends no session. The next login from the device is reported by an email, as that of a new one.',
      auth: { principals: ['session'] },
      rateLimit: 'authenticated',
      request: { params: z.strictObject({ id: z.uuid() }) },
      response: { status: 200, message: 'Device forgotten', data: z.object({}), example: {} },
      problems: ['device_not_found'],
      handler: async ({ principal, params }) => {
        await forgetDevice(flow, principal, params.id.toLowerCase());
        return { data: {} };
      },
    }),
  ];
}
