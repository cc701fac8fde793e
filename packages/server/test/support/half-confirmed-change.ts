/** A change of address that only the old address has confirmed. */
import { issueToken, sealNewAddress } from '#domain/one-time-tokens/index.ts';
import { present } from '#kernel/assert.ts';
import { statement } from '#platform/database/index.ts';
import { addActiveUser } from './daily-traffic.ts';
import type { CreateExpiring } from './expiries.ts';
import { uniqueEmail } from './user-actions.ts';

const purpose = 'confirm_email_change';

const findOwner = statement('test_half_confirmed.owner', {
  lane: 'pool',
  sql: `select user_id, id as identifier_id from identifiers where canonical = :email`,
  params: { email: 'text' },
  columns: { userId: 'uuid', identifierId: 'uuid' },
});

/** Uses the endpoint: the old address confirms first, and the confirmation by the new address makes the change. */
export const halfConfirmedChange: CreateExpiring = async (app) => {
  const { database, tokens, users, clock } = app.services;
  const email = (await addActiveUser(app)).toLowerCase();
  const { userId, identifierId } = present(await database.row(findOwner, { email }), 'the user');
  const key = present(await users.key(userId), 'the user key');
  const canonical = uniqueEmail('new');
  const [oldLink, newLink] = [tokens.newId(), tokens.newId()];
  const now = clock.now();

  async function issue(id: string, otherLink: string, tokenIdentifierId: string | null): Promise<string> {
    const sealedPayload = sealNewAddress(key, id, { asTyped: canonical, canonical, otherLink });
    const values = tokens.values({
      id,
      purpose,
      userId,
      identifierId: tokenIdentifierId,
      authEpoch: 1,
      sealedPayload,
      now,
    });
    await database.transaction((tx) => issueToken(tx, values));
    return tokens.secret(id, purpose, values.tokenKeyId);
  }

  const confirm = async (token: string) =>
    (await app.send<{ readonly status: string }>('POST', '/api/v1/auth/confirm-email-change', { json: { token } }))
      .data;
  const oldToken = await issue(oldLink, newLink, identifierId);
  const newToken = await issue(newLink, oldLink, null);
  const first = await confirm(oldToken);
  return async () => first.status === 'waiting' && (await confirm(newToken))?.status === 'changed';
};
