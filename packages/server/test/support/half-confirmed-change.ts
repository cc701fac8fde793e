/** A change of address that one of two addresses has confirmed. */
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

/** By the endpoint: the link at the old address is pressed now, the one at the new address makes the change. */
export const halfConfirmedChange: CreateExpiring = async (app) => {
  const { database, tokens, users, clock } = app.services;
  const email = (await addActiveUser(app)).toLowerCase();
  const { userId, identifierId } = present(await database.row(findOwner, { email }), 'the person');
  const key = present(await users.key(userId), 'their key');
  const canonical = uniqueEmail('new');
  const [oldLink, newLink] = [tokens.newId(), tokens.newId()];
  const now = clock.now();

  async function issue(id: string, otherLink: string, at: string | null): Promise<string> {
    const sealedPayload = sealNewAddress(key, id, { asTyped: canonical, canonical, otherLink });
    const values = tokens.values({ id, purpose, userId, identifierId: at, authEpoch: 1, sealedPayload, now });
    await database.transaction((tx) => issueToken(tx, values));
    return tokens.secret(id, purpose, values.tokenKeyId);
  }

  const press = async (token: string) =>
    (await app.send<{ readonly status: string }>('POST', '/api/v1/auth/confirm-email-change', { json: { token } }))
      .data;
  const atOld = await issue(oldLink, newLink, identifierId);
  const atNew = await issue(newLink, oldLink, null);
  const pressed = await press(atOld);
  return async () => pressed.status === 'waiting' && (await press(atNew))?.status === 'changed';
};
