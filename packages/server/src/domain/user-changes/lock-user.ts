import type { UserStatus, Users } from '#domain/users/index.ts';
import { Problem, type ProblemCode } from '#kernel/problem.ts';
import type { Queries } from '#platform/database/index.ts';

/** A user in the state that a change requires. */
export interface ChangeCondition {
  readonly userId: string;
  /** Any status when not given. */
  readonly statuses?: readonly UserStatus[];
  /** The epoch of the acting session: a change that raised it since has revoked that session. */
  readonly authEpoch?: number;
  /** The Problem of a user who is not in that state; `UnchangedUser` is thrown when not given. */
  readonly refusal?: ProblemCode;
}

/** The user is not in the state that a change requires; nothing was written. */
export class UnchangedUser extends Error {
  override name = 'UnchangedUser';
  /** Undefined when there is no such user. */
  readonly status: UserStatus | undefined;

  constructor(status: UserStatus | undefined) {
    super(`a user with status ${status ?? 'none'} stays as they are`);
    this.status = status;
  }
}

/** Runs a transaction that changes a user; returns the `UnchangedUser` that rolled it back instead of throwing it. */
export async function unlessUnchanged<T>(work: () => Promise<T>): Promise<T | UnchangedUser> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof UnchangedUser) return error;
    throw error;
  }
}

/** Locks the user's row for the rest of the transaction, and returns the status; throws unless the condition holds. */
export async function lockUser(users: Users, tx: Queries, condition: ChangeCondition): Promise<UserStatus> {
  const { userId, statuses, authEpoch } = condition;
  const user = await users.lock(tx, userId);
  const hasStatus = user !== undefined && (statuses === undefined || statuses.includes(user.status));
  const hasEpoch = authEpoch === undefined || user?.authEpoch === authEpoch;
  if (!hasStatus || !hasEpoch) throw refusalOf(condition, user?.status);
  return user.status;
}

/** The error of a change that does not apply to a user with this status. */
export function refusalOf({ refusal }: ChangeCondition, status: UserStatus | undefined): Error {
  if (refusal === undefined) return new UnchangedUser(status);
  return new Problem(refusal, { log: `the user (${status ?? 'erased'}) changed since the request was authorized` });
}
