/** Login by a mailed code: count the attempt, compare, hand the proof to the gate. */

import { timingSafeEqual } from 'node:crypto';
import { attemptColumns, attemptFields, requireAttempt, reserveAttemptFragment } from '#domain/attempts/index.ts';
import {
  type LoginGate,
  type LoginOptions,
  type LoginResult,
  type RequestingBrowser,
  readBrowser,
  recordRejectedLogin,
  startLogin,
} from '#domain/authentication/index.ts';
import { maxCodeTries, type OneTimeTokens, tryCodeFragment } from '#domain/one-time-tokens/index.ts';
import { assert } from '#kernel/assert.ts';
import { Problem } from '#kernel/problem.ts';
import type { Requester } from '#kernel/requester.ts';
import { statement, type Values } from '#platform/database/index.ts';
import { type LoginMethods, requireEnabled } from './request.ts';

/** Dependencies of this login method. */
export type TypeCode = LoginGate & { readonly loginByMail: LoginMethods; readonly tokens: OneTimeTokens };

const reserved = reserveAttemptFragment(`'email_code'`);
const tried = tryCodeFragment('reserved', 'email_code');

/** Counts the attempt for the address and the try for this browser's code, before the code is compared. */
const reserveAttempt = statement('login_by_mail.reserve_attempt', {
  lane: 'counter',
  sql: `with known as (
      select u.id, u.auth_epoch, k.wrapped from identifiers i
        join users u on u.id = i.user_id join user_keys k on k.user_id = u.id
      where i.kind = 'email' and i.canonical = :canonical and i.held_until is null),
    ${reserved.sql},
    ${tried.sql}
    select ${attemptFields}, known.id as user_id, known.wrapped,
      tried.id as token_id, tried.key_id, tried.hash, tried.tries
    from (select) as one left join reserved on true left join attempt_counter on true left join known on true
      left join tried on true`,
  params: { canonical: 'text', ...reserved.params, ...tried.params },
  columns: {
    ...attemptColumns,
    userId: 'uuid?',
    wrapped: 'bytea?',
    tokenId: 'uuid?',
    keyId: 'uuid?',
    hash: 'bytea?',
    tries: 'int4?',
  },
});

type Attempt = Values<typeof reserveAttempt.columns>;

/** A code as a browser or an application sends it. */
export interface TypedCode extends LoginOptions {
  readonly canonical: string;
  readonly code: string;
  readonly browserSecret: string | undefined;
}

/**
 * Logs in, or throws the Problem of the rejection: `invalid_code` for an unknown address, a wrong, used or expired code,
 * and another browser, in the same time (invariant 13).
 */
export async function typeCode(flow: TypeCode, typed: TypedCode, requester: Requester): Promise<LoginResult> {
  requireEnabled(flow, 'email_code');
  // Without a browser secret no code can match, so that there is nothing to guess and nothing to count.
  const browser = readBrowser(typed.browserSecret);
  if (browser === undefined) throw new Problem('invalid_code');
  const attempt = await reserve(flow, typed.canonical, browser);
  const hash = matchingHash(flow, attempt, typed.code, browser);
  if (hash === undefined || attempt.userId === null) return reject(flow, attempt, requester);
  const { userId } = attempt;
  const proof = { by: 'email_code', userId, hash, browserHash: browser.hash } as const;
  return flow.unfinishedAttempts.finish({ kind: 'email_code', userId }, () =>
    startLogin(flow, proof, typed, requester),
  );
}

async function reserve(flow: TypeCode, canonical: string, browser: RequestingBrowser): Promise<Attempt> {
  const now = flow.clock.now();
  const attempt = await flow.database.row(reserveAttempt, {
    canonical,
    unknownKey: flow.keys.mac('lookup', canonical),
    attemptedAt: now,
    browserHash: browser.hash,
    now,
  });
  assert(attempt !== undefined, 'the statement returns one row in every case');
  requireAttempt(attempt, now);
  return attempt;
}

/** Returns the stored hash of a right code that has tries left. Computes it for an unknown address as well. */
function matchingHash(flow: TypeCode, attempt: Attempt, code: string, browser: RequestingBrowser): Buffer | undefined {
  const keyId = attempt.keyId ?? flow.keys.currentKeyId('link');
  const typed = flow.tokens.codeHash(code, { id: attempt.tokenId ?? '', keyId, browserHash: browser.hash });
  const isRight = timingSafeEqual(typed, attempt.hash ?? Buffer.alloc(typed.length));
  return isRight && attempt.tries !== null && attempt.tries <= maxCodeTries ? typed : undefined;
}

async function reject(flow: TypeCode, { userId, wrapped }: Attempt, requester: Requester): Promise<never> {
  const userKey = userId === null || wrapped === null ? undefined : flow.keys.unwrapUserKey(userId, wrapped);
  const rejected = { by: 'email_code', reason: 'invalid_code', userId: userId ?? undefined, userKey } as const;
  await recordRejectedLogin(flow, flow.database, rejected, requester);
  throw new Problem('invalid_code');
}
