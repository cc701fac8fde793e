/** Logging in with a code: count, compare, use. Known and unknown addresses take the same way through here. */

import { timingSafeEqual } from 'node:crypto';
import { attemptColumns, attemptFields, requireAttempt, reserveAttemptFragment } from '#domain/attempts/index.ts';
import type { LoginResult } from '#domain/authentication/index.ts';
import { maxCodeTries, type OneTimeTokens, tryCodeFragment } from '#domain/one-time-tokens/index.ts';
import { assert } from '#kernel/assert.ts';
import { Problem } from '#kernel/problem.ts';
import { clientInfoOf } from '#kernel/requester.ts';
import { statement, type Values } from '#platform/database/index.ts';
import type { Caller } from '#platform/http/index.ts';
import { type AskingBrowser, readBrowser } from './browser.ts';
import { logIn, type MailLogin, type Wanted } from './log-in.ts';
import { type LoginMethods, requireEnabled } from './request.ts';

/** What typing a code needs. */
export type TypeCode = MailLogin & { readonly loginByMail: LoginMethods; readonly tokens: OneTimeTokens };

const reserved = reserveAttemptFragment(`'email_code'`);
const tried = tryCodeFragment('reserved');

/** Counts the guess for the user behind the address, or for the address, and the try for the code of this browser. */
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

type Guess = Values<typeof reserveAttempt.columns>;

/** What somebody typed, and in which browser. */
export interface Typed extends Wanted {
  readonly canonical: string;
  readonly code: string;
  readonly browserSecret: string | undefined;
}

/** Logs in, or throws the problem that says why not: `invalid_code` for everything that a guess could tell apart. */
export async function typeCode(flow: TypeCode, typed: Typed, caller: Caller): Promise<LoginResult> {
  requireEnabled(flow, 'email_code');
  // Nothing was mailed to nobody: there is nothing to guess, and nothing is counted.
  const browser = readBrowser(typed.browserSecret);
  if (browser === undefined) throw new Problem('invalid_code');
  const guess = await reserve(flow, typed.canonical, browser);
  const hash = matchingHash(flow, guess, typed.code, browser);
  if (hash === undefined || guess.userId === null) return refuse(flow, guess, caller);
  const proof = { kind: 'email_code', userId: guess.userId, hash, browserHash: browser.hash } as const;
  return logIn(flow, proof, typed, caller);
}

async function reserve(flow: TypeCode, canonical: string, browser: AskingBrowser): Promise<Guess> {
  const now = flow.clock.now();
  const guess = await flow.database.row(reserveAttempt, {
    canonical,
    unknownKey: flow.keys.mac('lookup', canonical),
    attemptedAt: now,
    browserHash: browser.hash,
    now,
  });
  assert(guess !== undefined, 'reserving a guess always answers a row');
  requireAttempt(guess, now);
  return guess;
}

/** The stored hash if the code is right and its tries are not used up; computed for nobody's code as well. */
function matchingHash(flow: TypeCode, guess: Guess, code: string, browser: AskingBrowser): Buffer | undefined {
  const keyId = guess.keyId ?? flow.keys.currentKeyId('link');
  const typed = flow.tokens.codeHash(code, { id: guess.tokenId ?? '', keyId, browserHash: browser.hash });
  const isRight = timingSafeEqual(typed, guess.hash ?? Buffer.alloc(typed.length));
  return isRight && guess.tries !== null && guess.tries <= maxCodeTries ? typed : undefined;
}

async function refuse(flow: TypeCode, { userId, wrapped }: Guess, caller: Caller): Promise<never> {
  const event = {
    action: 'login.failed',
    at: flow.clock.now(),
    actor: { kind: 'stranger' },
    facts: { reason: 'invalid_code' },
    personal: clientInfoOf(caller),
    ...(userId === null ? {} : { userId }),
  } as const;
  const userKey = userId === null || wrapped === null ? undefined : flow.keys.unwrapUserKey(userId, wrapped);
  await flow.audit.record(flow.database, event, userKey);
  throw new Problem('invalid_code');
}
