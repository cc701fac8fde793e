import type { Role } from '#domain/roles/index.ts';
import { createInvitation } from '#flows/admin-invitations/index.ts';
import { statement } from '#platform/database/index.ts';
import { parseEmailAddress } from '#protocol/email-address/index.ts';
import type { Application } from './application.ts';
import { operator } from './operator.ts';
import { eventually } from './wait.ts';

const findMail = statement('test_invitations.find_mail', {
  lane: 'pool',
  sql: `select message_id from mail_ledger where invitation_id = :invitationId`,
  params: { invitationId: 'uuid' },
  columns: { messageId: 'text' },
});

/** Creates an invitation and returns the token of the mailed link. */
export async function invite(
  app: Application,
  address: string,
  { role = null, locale = 'en' }: { readonly role?: Role | null; readonly locale?: string } = {},
): Promise<string> {
  const parsed = parseEmailAddress(address);
  if (parsed.kind !== 'ok') throw new Error(`${address} is not an address`);
  const outcome = await createInvitation(app.services, operator, { email: parsed.address, locale, role });
  if (outcome.kind !== 'created') throw new Error(`the address is ${outcome.kind}`);
  const { invitationId } = outcome;
  const findMessage = async () => {
    const messageId = (await app.services.database.row(findMail, { invitationId }))?.messageId;
    return app.inbox.list().find((message) => message.messageId === messageId);
  };
  const message = await eventually(findMessage, { what: `${address} received the invitation` });
  return new URL(message.links[0] ?? '').searchParams.get('token') ?? '';
}
