import { z } from 'zod';
import type { Authorization } from './cancel-deletion.ts';

const secret = z.string().min(1).max(200);

export const ticketOrLink = z
  .strictObject({ token: secret.optional(), ticket: secret.optional() })
  .refine(({ token, ticket }) => (token === undefined) !== (ticket === undefined), {
    message: 'Send either "token" or "ticket".',
  });

export function authorizationOf({ token, ticket = '' }: z.output<typeof ticketOrLink>): Authorization {
  return token === undefined ? { by: 'ticket', text: ticket } : { by: 'link', text: token };
}
