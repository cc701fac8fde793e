import assert from 'node:assert/strict';
import { createUser } from '#flows/admin-users/index.ts';
import { makeSetupLink } from '#flows/set-up-owner/index.ts';
import { operator } from '../support/operator.ts';
import { newPassword, requireOneSuccess } from './checks.ts';
import type { Race } from './race.ts';
import { setUpOwner, tryLogin } from './requests.ts';

/** Invariant 1: the link that sets an owner up is used once, and one password remains. */
export const setUpLink: Race = {
  name: 'set-up link',
  claim: 'used by 20 concurrent requests: one login in progress, and the password of one of them',
  async run(nodes, email) {
    const address = { asTyped: email, canonical: email };
    const user = { email: address, name: '', locale: 'en', roles: [], password: undefined };
    const created = await createUser(nodes.operator, operator, user);
    assert.ok(created.kind === 'created', 'the user is new');
    const link = await makeSetupLink(nodes.operator, operator, created.userId);
    assert.ok(link.kind === 'made', 'the link is made');
    const { token } = link;

    const responses = await nodes.concurrently((node, index) =>
      setUpOwner(node, { token, name: `Owner ${index}`, password: newPassword(index) }),
    );
    const winner = requireOneSuccess(responses, ['invalid_token']);
    for (const node of nodes.clients) {
      for (const index of [winner, (winner + 1) % responses.length]) {
        const attempt = await tryLogin(node, email, newPassword(index));
        const step = attempt.ok ? attempt.data.step : attempt.code;
        assert.equal(step, index === winner ? 'confirm_mailbox' : 'invalid_credentials');
      }
    }
    return {};
  },
};
