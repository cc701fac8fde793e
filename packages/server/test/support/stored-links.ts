/** Tokens of mailed links, computed from their rows, so that tests need not wait for the mail. */
import { type Purpose, verificationCode } from '#domain/one-time-tokens/index.ts';
import { present } from '#kernel/assert.ts';
import { statement } from '#platform/database/index.ts';
import type { Application } from './application.ts';
import { awaitMailRequests } from './mail-requests.ts';

const findNewest = statement('test_links.find_newest', {
  lane: 'pool',
  sql: `select id, key_id from one_time_tokens where user_id = :userId and purpose = :purpose order by id desc limit 1`,
  params: { userId: 'uuid', purpose: 'text' },
  columns: { id: 'uuid', keyId: 'uuid' },
});

/** The secret of the user's newest link for a purpose. */
export async function storedLinkToken(
  app: Pick<Application, 'services' | 'isManual'>,
  userId: string,
  purpose: Purpose,
): Promise<string> {
  await awaitMailRequests(app);
  const { services } = app;
  const row = present(await services.database.row(findNewest, { userId, purpose }), `the link ${purpose}`);
  return services.tokens.secret(row.id, purpose, row.keyId);
}

/** The code beside the user's newest verification link. */
export async function storedVerificationCode(app: Pick<Application, 'services'>, userId: string): Promise<string> {
  const { services } = app;
  const row = present(await services.database.row(findNewest, { userId, purpose: 'verify_email' }), 'the link');
  return services.tokens.secret(row.id, verificationCode, row.keyId);
}
