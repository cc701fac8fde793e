/** Unlocking: whoever was shut out by wrong guesses may guess again. */
import { forgiveAttempts } from '#domain/attempts/index.ts';
import type { OperateUsers } from './admin-users.ts';

/** Forgets every wrong guess at the user's password and codes; false when there is no such user any more. */
export function unlockUser(flow: OperateUsers, userId: string): Promise<boolean> {
  return flow.database.transaction(async (tx) => {
    if (!(await flow.users.lock(tx, userId))) return false;
    await forgiveAttempts(tx, userId, 'password', 'password_known_device', 'second_factor', 'email_code');
    const at = flow.clock.now();
    await flow.audit.record(tx, { action: 'user.unlocked', at, actor: { kind: 'operator' }, userId });
    return true;
  });
}
