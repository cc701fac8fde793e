import assert from 'node:assert/strict';
import { disableUser, enableUser } from '#flows/admin-users/index.ts';
import type { ApiResult } from '../../../../e2e/support/client.ts';
import { operator } from '../support/operator.ts';
import { assertAllRejected, assertOnlyPassword, countSuccesses, newPassword, password } from './checks.ts';
import { assertWinningPassword, cleanState, requestResetLink } from './password-races.ts';
import type { Race } from './race.ts';
import { TrackedUser } from './tracked-user.ts';

/** Invariant 4: a disabled user gains nothing from a reset, and no earlier link works after the user is enabled. */
export const disableAgainstReset: Race = {
  name: 'disable against reset',
  claim: '19 resets with one link while an operator disables the user: the user ends up disabled in any order',
  async run(nodes, email) {
    await nodes.registerVerified(email, password);
    const sessions = await nodes.logins(email, password, 4);
    const token = await requestResetLink(nodes, email);
    const user = await TrackedUser.find(nodes, email);
    const responses = await nodes.concurrently(async (node, index): Promise<ApiResult<unknown> | undefined> => {
      if (index !== 9) return await node.resetPassword(token, newPassword(index));
      await nodes.delay(8);
      assert.equal((await disableUser(nodes.operator, operator, user.id)).kind, 'changed');
      return undefined;
    });
    const revokedAtMs = performance.now();
    const resets = responses.filter((response) => response !== undefined);
    const succeeded = countSuccesses(resets, ['invalid_token']);
    assert.ok(succeeded <= 1, `${succeeded} resets succeeded`);
    const round = await assertAllRejected(nodes, sessions, revokedAtMs);
    const history = {
      events: { 'user.disabled': 1, 'password.reset': succeeded },
      mails: { password_reset_done: succeeded },
    };
    await user.assertState({ ...cleanState(email), ...history, status: 'disabled' });
    await enableUser(nodes.operator, operator, user.id);
    const late = await nodes.node(0).resetPassword(token, newPassword(0));
    assert.equal(late.ok, false, 'the link is valid again after the user was enabled');
    if (succeeded === 1)
      await assertWinningPassword(
        nodes,
        email,
        responses.findIndex((response) => response?.ok === true),
      );
    else await assertOnlyPassword(nodes, email, password, [newPassword(0), newPassword(1)]);
    return { ...round, outcome: succeeded === 1 ? 'reset first' : 'disabled first' };
  },
};
