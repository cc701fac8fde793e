/** The step `confirm_mailbox`: a code to the verified address, before a login may set a second factor up. */
import {
  bindingToTicket,
  compareMailboxCode,
  continueLogin,
  findStep,
  type LoginGate,
  type LoginResult,
  type MailboxCodes,
  type PresentedTicket,
  recordRejectedLogin,
  sendMailboxCode,
} from '#domain/authentication/index.ts';
import { Problem } from '#kernel/problem.ts';
import type { Requester } from '#kernel/requester.ts';

/** Dependencies of the step. */
export type ConfirmMailbox = LoginGate & MailboxCodes;

/** Mails a code that only the login of this ticket can use. */
export async function requestMailboxCode(
  flow: ConfirmMailbox,
  ticket: PresentedTicket,
  requester: Requester,
): Promise<void> {
  const { login } = await findStep(flow, ticket, 'confirm_mailbox');
  const { userId, authEpoch } = login;
  const request = { userId, authEpoch, binding: bindingToTicket(ticket.text), refusal: 'invalid_ticket' } as const;
  await sendMailboxCode(flow, request, requester);
}

/** A code as it was typed. */
export interface TypedMailboxCode {
  readonly code: string;
  readonly deviceToken: string | undefined;
}

/** Continues the login, or throws the Problem of the rejection. A wrong code leaves the ticket usable. */
export async function confirmMailbox(
  flow: ConfirmMailbox,
  ticket: PresentedTicket,
  { code, deviceToken }: TypedMailboxCode,
  requester: Requester,
): Promise<LoginResult> {
  const { candidate } = await findStep(flow, ticket, 'confirm_mailbox');
  const { userId, wrapped } = candidate;
  const proof = await compareMailboxCode(flow, { userId, binding: bindingToTicket(ticket.text) }, code);
  if (proof !== undefined)
    return flow.unfinishedAttempts.finish({ kind: 'mailbox_code', userId }, () =>
      continueLogin(flow, ticket.text, proof, { deviceToken, browserHash: ticket.browserHash }, requester),
    );
  const userKey = flow.keys.unwrapUserKey(userId, wrapped);
  const rejected = { by: 'mailbox_code', reason: 'invalid_code', userId, userKey } as const;
  await recordRejectedLogin(flow, flow.database, rejected, requester);
  throw new Problem('invalid_code');
}
