/** Compares a password, top to bottom: reserve the attempt and read, hash, hand the proof to the gate. */

import { type ConcurrentAttempts, passwordSchedule, requireAttempt } from '#domain/attempts/index.ts';
import {
  type Candidate,
  type LoginGate,
  type LoginResult,
  type Rehash,
  recordRejectedLogin,
  startLogin,
  toCandidate,
} from '#domain/authentication/index.ts';
import { openHash, type PasswordHashes, passwordAssociatedData } from '#domain/passwords/index.ts';
import { assert } from '#kernel/assert.ts';
import { Problem } from '#kernel/problem.ts';
import type { Requester } from '#kernel/requester.ts';
import type { Queries } from '#platform/database/index.ts';
import type { QuotaReservation } from '#platform/rate-limit/index.ts';
import { addressBucket } from '#protocol/network-address/index.ts';
import { enqueueNotice } from './failed-login-notice.ts';
import { reserveAttempt } from './statements.ts';

/** Dependencies of the flow. */
export interface Login extends LoginGate {
  readonly hashes: PasswordHashes;
  readonly concurrentAttempts: ConcurrentAttempts;
}

/** A password to compare, and how the session is to be transported. */
export interface Attempt {
  readonly canonical: string;
  readonly password: string;
  readonly transport: 'cookie' | 'token';
  readonly deviceToken: string | undefined;
  /** The browser of a page, and where its login leads to. */
  readonly browserHash?: Buffer | undefined;
  readonly continueTo?: string | undefined;
  readonly quota: QuotaReservation;
}

/** Logs in, or throws the Problem of the rejection. Two round trips when it succeeds without a further step. */
export function login(flow: Login, attempt: Attempt, requester: Requester): Promise<LoginResult> {
  return flow.concurrentAttempts.run({
    keys: [attempt.canonical, addressBucket(requester.address)],
    reserve: () => reserve(flow, attempt),
    verify: (reserved) => verify(flow, attempt, requester, reserved),
  });
}

type Reserved = Awaited<ReturnType<typeof reserve>>;

async function reserve(flow: Login, { canonical, deviceToken, quota }: Attempt) {
  const now = flow.clock.now();
  const place = flow.hashes.hold();
  try {
    const row = await flow.database.row(reserveAttempt, {
      canonical,
      unknownKey: flow.keys.mac('lookup', canonical),
      deviceId: flow.devices.read(deviceToken) ?? null,
      now,
      attemptedAt: now,
      ...quota.sqlParams(),
    });
    assert(row !== undefined, 'the statement returns one row in every case');
    if (row.deviceId === null) await quota.recordResult(row);
    else quota.skip();
    return { row, now, isGranted: row.attemptNumber !== null };
  } finally {
    place.release();
  }
}

async function verify(
  flow: Login,
  attempt: Attempt,
  requester: Requester,
  { row, now }: Reserved,
): Promise<LoginResult> {
  if (row.deviceId === null) attempt.quota.require();
  const attemptNumber = requireAttempt(row, now);
  const candidate = toCandidate(row);
  const match = await findMatch(flow, candidate, attempt.password);
  if (candidate === undefined || match === undefined) return reject(flow, requester, candidate, attemptNumber);
  const rehash = () => rehashIfOutdated(flow, candidate, attempt.password, match);
  const proof = { by: 'password', candidate, quota: attempt.quota, rehash } as const;
  const kind = candidate.deviceId === undefined ? 'password' : 'password_known_device';
  return flow.unfinishedAttempts.finish({ kind, userId: candidate.userId }, () =>
    startLogin(flow, proof, attempt, requester),
  );
}

interface Match {
  readonly phc: string;
  readonly sealedPhc: Buffer;
}

/** Returns undefined for a wrong password. Without a user it hashes a decoy, so that both take as long (invariant 13). */
async function findMatch(flow: Login, candidate: Candidate | undefined, typed: string): Promise<Match | undefined> {
  const sealedPhc = candidate?.sealedPhc;
  const phc = openHash(flow.keys, candidate?.userId, sealedPhc);
  const matched = await flow.hashes.matches(typed, phc);
  return matched && sealedPhc !== undefined && phc !== undefined ? { phc, sealedPhc } : undefined;
}

async function rehashIfOutdated(
  flow: Login,
  { userId }: Candidate,
  password: string,
  { phc, sealedPhc }: Match,
): Promise<Rehash> {
  if (!flow.hashes.isOutdated(phc)) return { sealed: null, of: sealedPhc };
  const computed = await flow.hashes.recompute(password, phc);
  return { sealed: flow.keys.seal('password', computed, passwordAssociatedData(userId)), of: sealedPhc };
}

/**
 * Records a wrong password and throws. The last attempt without a delay also enqueues the notice to the user, unless the
 * attempts come from the user's own device.
 */
async function reject(
  flow: Login,
  requester: Requester,
  candidate: Candidate | undefined,
  attemptNumber: number,
): Promise<never> {
  const record = (queries: Queries) => recordWrongPassword(flow, queries, requester, candidate);
  if (attemptNumber === passwordSchedule.undelayed && candidate?.deviceId === undefined) {
    await flow.database.transaction(async (tx) => {
      await record(tx);
      await enqueueNotice(tx, flow, candidate?.userId);
    });
  } else {
    await record(flow.database);
  }
  throw new Problem('invalid_credentials');
}

function recordWrongPassword(flow: Login, queries: Queries, requester: Requester, candidate: Candidate | undefined) {
  const userId = candidate?.userId;
  const userKey = candidate && flow.keys.unwrapUserKey(candidate.userId, candidate.wrapped);
  const rejected = { by: 'password', reason: 'invalid_credentials', userId, userKey } as const;
  return recordRejectedLogin(flow, queries, rejected, requester);
}
