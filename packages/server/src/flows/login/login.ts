/** A login, top to bottom: reserve and read, hash, decide, write. Two round trips when it succeeds. */

import { type ConcurrentAttempts, requireAttempt, undelayedAttempts } from '#domain/attempts/index.ts';
import type { AuditLog } from '#domain/audit/index.ts';
import {
  type Candidate,
  isGracePeriodOver,
  type LoginResult,
  type LoginStep,
  loginFacts,
  nextStep,
  toCandidate,
} from '#domain/authentication/index.ts';
import type { Clients } from '#domain/clients/index.ts';
import type { DeviceTokens } from '#domain/devices/index.ts';
import type { MailLedger } from '#domain/mail-ledger/index.ts';
import { openHash, type PasswordHashes } from '#domain/passwords/index.ts';
import type { RefreshTokens } from '#domain/refresh-tokens/index.ts';
import type { AccessTokens } from '#domain/session-issuance/index.ts';
import type { Users } from '#domain/users/index.ts';
import { assert } from '#kernel/assert.ts';
import type { Clock } from '#kernel/clock.ts';
import type { MakeId } from '#kernel/ids.ts';
import { Problem, type ProblemCode } from '#kernel/problem.ts';
import { clientInfoOf } from '#kernel/requester.ts';
import type { Database, Queries } from '#platform/database/index.ts';
import type { Caller } from '#platform/http/index.ts';
import type { Keys } from '#platform/keys/index.ts';
import type { QuotaReservation } from '#platform/rate-limit/index.ts';
import { addressBucket } from '#protocol/network-address/index.ts';
import { complete } from './complete.ts';
import { enqueueNotice } from './failed-login-notice.ts';
import { pause } from './pause.ts';
import { reserveAttempt } from './statements.ts';

/** What logging in needs. */
export interface Login {
  readonly database: Database;
  readonly clock: Clock;
  readonly makeId: MakeId;
  readonly keys: Keys;
  readonly hashes: PasswordHashes;
  readonly concurrentAttempts: ConcurrentAttempts;
  readonly users: Users;
  readonly clients: Clients;
  readonly devices: DeviceTokens;
  readonly accessTokens: AccessTokens;
  readonly refreshTokens: RefreshTokens;
  readonly mail: MailLedger;
  readonly audit: AuditLog;
}

/** What somebody sends to log in. */
export interface Attempt {
  readonly canonical: string;
  readonly password: string;
  readonly transport: 'cookie' | 'token';
  readonly deviceToken: string | undefined;
  readonly use: QuotaReservation;
}

const password = { amr: 'pwd', kind: 'knowledge', userVerified: false } as const;

/** Logs in, or throws the problem that says why not. */
export function login(flow: Login, attempt: Attempt, caller: Caller): Promise<LoginResult> {
  return flow.concurrentAttempts.run({
    keys: [attempt.canonical, addressBucket(caller.address)],
    reserve: () => reserve(flow, attempt),
    verify: (reserved) => decide(flow, attempt, caller, reserved),
  });
}

type Reserved = Awaited<ReturnType<typeof reserve>>;

async function reserve(flow: Login, attempt: Attempt) {
  const now = flow.clock.now();
  const place = flow.hashes.hold();
  try {
    const row = await flow.database.row(reserveAttempt, {
      canonical: attempt.canonical,
      unknownKey: flow.keys.mac('lookup', attempt.canonical),
      deviceId: flow.devices.read(attempt.deviceToken) ?? null,
      now,
      attemptedAt: now,
      ...attempt.use.sqlParams(),
    });
    assert(row !== undefined, 'reserving an attempt always answers a row');
    if (row.deviceId === null) await attempt.use.recordResult(row);
    else attempt.use.skip();
    return { row, now, isGranted: row.attemptNumber !== null };
  } finally {
    place.release();
  }
}

async function decide(flow: Login, attempt: Attempt, caller: Caller, { row, now }: Reserved): Promise<LoginResult> {
  if (row.deviceId === null) attempt.use.require();
  const attempts = requireAttempt(row, now);
  const candidate = toCandidate(row);
  const match = await findMatch(flow, candidate, attempt.password);
  if (candidate === undefined || match === undefined) return refuseGuess(flow, caller, candidate, attempts);
  if (isGracePeriodOver(candidate, flow.clock.now())) return refuse(flow, caller, candidate, 'invalid_credentials');
  if (candidate.status === 'disabled') return refuse(flow, caller, candidate, 'account_disabled');
  const proven = [password];
  const step = nextStep(loginFacts(candidate, proven));
  if (step === 'cancel_deletion') {
    const ticket = await pause(flow, attempt, caller, candidate, { step, proven });
    return { kind: 'step_required', step, ticket };
  }
  if (step !== 'done') return refuse(flow, caller, candidate, problemOfStep(step));
  return { kind: 'done', issued: await complete(flow, attempt, caller, { candidate, ...match }) };
}

function problemOfStep(step: LoginStep): ProblemCode {
  return step === 'verify_email' ? 'email_not_verified' : 'login_incomplete';
}

/** The hash that matched and the bytes that hold it; undefined when the password is wrong or nobody's, for the same work. */
async function findMatch(flow: Login, candidate: Candidate | undefined, typed: string) {
  const sealedPhc = candidate?.sealedPhc;
  const phc = openHash(flow.keys, candidate?.userId, sealedPhc);
  const matched = await flow.hashes.matches(typed, phc);
  return matched && sealedPhc !== undefined && phc !== undefined ? { phc, sealedPhc } : undefined;
}

/** As `refuse`; when the waiting begins, its owner is told, unless it is their own device that guesses. */
async function refuseGuess(
  flow: Login,
  caller: Caller,
  candidate: Candidate | undefined,
  attempts: number,
): Promise<never> {
  const shouldNotify = attempts === undelayedAttempts && candidate?.deviceId === undefined;
  if (!shouldNotify) return refuse(flow, caller, candidate, 'invalid_credentials');
  await flow.database.transaction(async (tx) => {
    await recordRefusal(flow, tx, caller, candidate, 'invalid_credentials');
    await enqueueNotice(tx, flow, candidate?.userId);
  });
  throw new Problem('invalid_credentials');
}

/** Records why, and refuses. Known and unknown addresses take the same way through here. */
async function refuse(
  flow: Login,
  caller: Caller,
  candidate: Candidate | undefined,
  code: ProblemCode,
): Promise<never> {
  await recordRefusal(flow, flow.database, caller, candidate, code);
  throw new Problem(code);
}

async function recordRefusal(
  flow: Login,
  queries: Queries,
  caller: Caller,
  candidate: Candidate | undefined,
  code: ProblemCode,
): Promise<void> {
  const event = {
    action: code === 'invalid_credentials' ? 'login.failed' : 'login.refused',
    at: flow.clock.now(),
    actor: { kind: 'stranger' },
    facts: { reason: code },
    personal: clientInfoOf(caller),
    ...(candidate === undefined ? {} : { userId: candidate.userId }),
  } as const;
  await flow.audit.record(queries, event, candidate && flow.keys.unwrapUserKey(candidate.userId, candidate.wrapped));
}
