/** Runs the SQL of `docs/security/playbooks.md` on PostgreSQL. */
import { readFileSync } from 'node:fs';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eraseDueAccounts } from '#flows/erase-accounts/index.ts';
import { present } from '#kernel/assert.ts';
import { Application } from './support/application.ts';
import { addCookieSession, addLoggedInUser, isAccepted, login } from './support/user-actions.ts';
import { userIdOf } from './support/user-status.ts';
import { eventually } from './support/wait.ts';

const page = readFileSync(new URL('../../../docs/security/playbooks.md', import.meta.url), 'utf8');
const unknownId = '00000000-0000-7000-8000-000000000000';
const statements = [...blocks(), ...inline()].map((sql) => fill(sql, unknownId));

let app: Application;
let operator: Client;

beforeAll(async () => {
  app = await Application.open();
  operator = new Client({ connectionString: app.deployment.DATABASE_URL });
  await operator.connect();
});

afterAll(async () => {
  await operator.end();
  await app.close();
});

describe('a statement of the playbooks', () => {
  it('is found in blocks and in the text', () => {
    expect(blocks().length).toBeGreaterThan(9);
    expect(inline().length).toBeGreaterThan(1);
  });

  it.each(statements)('is accepted by PostgreSQL: %s', async (sql) => {
    await operator.query('begin');
    await expect(operator.query(sql)).resolves.toBeDefined();
    await operator.query('rollback');
  });

  it('that raises every epoch revokes every earlier session and refresh token, and no later one', async () => {
    const { accessToken, refreshToken, email } = await addLoggedInUser(app);
    const { cookie } = await addCookieSession(app);
    await operator.query(statementStarting('update users set auth_epoch'));
    const started = await Application.open({ deploymentOf: app });
    expect(await isAccepted(started, accessToken)).toBe(false);
    expect((await started.send('GET', '/api/v1/auth/session', { cookie })).status).toBe(401);
    const refreshed = await started.send('POST', '/api/v1/auth/refresh', { json: { refreshToken } });
    expect(refreshed.code).toBe('invalid_refresh_token');
    expect(await isAccepted(started, (await login(started, email)).data.accessToken)).toBe(true);
    await started.close();
  });

  it('that passes erased users to the erase job gets them erased, and no other user', async () => {
    const [{ email }, other] = [await addLoggedInUser(app), await addLoggedInUser(app)];
    const userId = await userIdOf(app, email);
    await operator.query(
      fill(
        present(
          blocks().find((sql) => sql.includes("'pending_deletion'")),
          'the statement',
        ),
        userId,
      ),
    );
    // The clock of the database may be a millisecond ahead, and the hourly job may run first.
    const isGone = async () => {
      await eraseDueAccounts(app.services);
      return (await app.services.users.profile(userId)) === undefined;
    };
    await eventually(isGone, { what: 'the account is erased' });
    expect(await isAccepted(app, other.accessToken)).toBe(true);
  });

  it('that counts unencrypted hashes finds none', async () => {
    await addLoggedInUser(app);
    const { rows } = await operator.query<{ count: string }>(statementStarting('select count(*) from passwords'));
    expect(rows).toEqual([{ count: '0' }]);
  });
});

function blocks(): string[] {
  const texts = [...page.matchAll(/^```sql\n([\s\S]*?)^```/gm)].map(([, text = '']) => text);
  return texts
    .flatMap((text) => text.split(';'))
    .filter((sql) => sql.trim() !== '')
    .map((sql) => sql.trim());
}

function inline(): string[] {
  return [...page.matchAll(/`(select [^`]+)`/g)].map(([, sql = '']) => sql);
}

function fill(sql: string, id: string): string {
  return sql.replaceAll('<id>', id).replaceAll('<time of the backup>', '2026-01-01').replaceAll('(…)', `('${id}')`);
}

function statementStarting(prefix: string): string {
  return present(
    statements.find((sql) => sql.startsWith(prefix)),
    prefix,
  );
}
