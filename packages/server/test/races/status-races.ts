import assert from 'node:assert/strict';
import { disableUser, enableUser } from '#flows/admin-users/index.ts';
import type { Answer } from '../../../../e2e/support/client.ts';
import { operator } from '../support/operator.ts';
import { assertAllDie, assertOpens, assertWinners, chosen, password } from './checks.ts';
import { askLink, assertOnlyOpens, resting } from './password-races.ts';
import { Person } from './person-state.ts';
import type { Race } from './race.ts';

/** invariant 4: a reset gives a disabled user nothing, and no link that is older than the disabling works after it. */
export const disableAgainstReset: Race = {
  name: 'disable against reset',
  claim: '19 resets by one link while an operator disables the user: disabled in the end, whoever came first',
  async run(two, email) {
    await two.registerVerified(email, password);
    const sessions = await two.logins(email, password, 4);
    const token = await askLink(two, email);
    const person = await Person.find(two, email);
    const answers = await two.atOnce(async (node, index): Promise<Answer<unknown> | undefined> => {
      if (index !== 9) return await node.resetPassword(token, chosen(index));
      await two.linger(8);
      assert.equal((await disableUser(two.operator, operator, person.id)).kind, 'changed');
      return undefined;
    });
    const endedAtMs = performance.now();
    const resets = answers.filter((answer) => answer !== undefined);
    const won = assertWinners(resets, ['invalid_token']);
    assert.ok(won <= 1, `${won} resets won`);
    const round = await assertAllDie(two, sessions, endedAtMs);
    const history = {
      events: { 'user.disabled': 1, 'password.reset': won },
      mails: { password_reset_done: won },
    };
    await person.assertSettled({ ...resting(email), ...history, status: 'disabled' });
    await enableUser(two.operator, operator, person.id);
    const late = await two.node(0).resetPassword(token, chosen(0));
    assert.equal(late.ok, false, 'the link works again after the user was enabled');
    if (won === 1)
      await assertOnlyOpens(
        two,
        email,
        answers.findIndex((answer) => answer?.ok === true),
      );
    else await assertOpens(two, email, password, [chosen(0), chosen(1)]);
    return { ...round, outcome: won === 1 ? 'reset first' : 'disabled first' };
  },
};
