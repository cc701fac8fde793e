/** Keeping an account that was closing: by the ticket of a login, or by the mailed link. */
import type { AuditLog } from '#domain/audit/index.ts';
import { consumeTicket, findTicket, stepOfLogin } from '#domain/authentication/index.ts';
import type { Clients } from '#domain/clients/index.ts';
import { type MailLedger, promiseMail } from '#domain/mail-ledger/index.ts';
import { consume, findLive, killOthers } from '#domain/one-time-tokens/index.ts';
import type { Endings } from '#domain/revocations/index.ts';
import { keepUser, type UserEnding, type Users } from '#domain/users/index.ts';
import type { Clock } from '#kernel/clock.ts';
import { Problem, type ProblemCode } from '#kernel/problem.ts';
import type { Database, Queries } from '#platform/database/index.ts';
import type { Caller } from '#platform/http/index.ts';
import type { Catalogues } from '#platform/i18n/index.ts';

/** What keeping needs. */
export interface KeepAccount {
  readonly database: Database;
  readonly clock: Clock;
  readonly users: Users;
  readonly clients: Clients;
  readonly endings: Endings;
  readonly mail: MailLedger;
  readonly audit: AuditLog;
  readonly catalogues: Catalogues;
  /** Called when a mail was promised, to wake this process's own worker. */
  readonly onPromised: () => void;
}

/** What somebody shows to keep an account. */
export type Proof = { readonly kind: 'ticket' | 'link'; readonly text: string };

const refusals = { ticket: 'invalid_ticket', link: 'invalid_token' } as const satisfies Record<string, ProblemCode>;

/** Whose account the proof keeps, without using it; undefined when it is dead. */
async function findOwner(flow: KeepAccount, { kind, text }: Proof): Promise<string | undefined> {
  const now = flow.clock.now();
  if (kind === 'ticket') return (await findTicket(flow.database, text, now))?.userId;
  return (await findLive(flow.database, 'keep_account', text, now))?.userId;
}

/** Keeps the account, or throws the problem that says why not. Ends what the grace period began, the ticket included. */
export async function keepAccount(flow: KeepAccount, proof: Proof, caller: Caller): Promise<void> {
  const userId = await findOwner(flow, proof);
  if (userId === undefined) throw new Problem(refusals[proof.kind]);
  const ending = await flow.database.transaction((tx) => keep(flow, tx, userId, proof, caller));
  flow.endings.endedHere(ending);
  flow.onPromised();
}

async function keep(flow: KeepAccount, tx: Queries, userId: string, proof: Proof, caller: Caller): Promise<UserEnding> {
  const now = flow.clock.now();
  await flow.users.lock(tx, userId);
  await useProof(tx, proof, now);
  const { accessTokenLifetimeSeconds } = flow.clients.default;
  const ending = await keepUser(tx, { userId, now, accessTokenLifetimeSeconds });
  const userKey = await flow.users.key(userId, tx);
  if (ending === undefined || userKey === undefined) throw new Problem(refusals[proof.kind]);
  await killOthers(tx, userId, 'keep_account', now);
  const recipient = await flow.users.primaryEmail(userId, tx);
  if (recipient !== undefined) {
    const mail = { ...recipient, template: 'account_kept', userId, userKey, tokenId: null, params: {}, now } as const;
    await promiseMail(tx, flow.mail.values(mail));
  }
  const actor = { kind: 'user', id: userId } as const;
  const personal = { address: caller.address, userAgent: caller.userAgent ?? '' };
  const event = { action: 'account.kept', at: now, actor, userId, facts: { by: proof.kind }, personal } as const;
  await flow.audit.record(tx, event, userKey);
  return ending;
}

async function useProof(tx: Queries, { kind, text }: Proof, now: Date): Promise<void> {
  if (kind === 'link') {
    if ((await consume(tx, 'keep_account', text, now)) === undefined) throw new Problem('invalid_token');
    return;
  }
  const login = await consumeTicket(tx, text, now);
  if (login === undefined) throw new Problem('invalid_ticket');
  if ((await stepOfLogin(tx, login)) !== 'keep_account') throw new Problem('login_incomplete');
}
