/** What `docs/security/playbooks.md` tells an operator to run on PostgreSQL, run. */
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
const nobody = '00000000-0000-7000-8000-000000000000';
const statements = [...blocks(), ...inline()].map((sql) => fill(sql, nobody));

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

  it.each(statements)('is one that PostgreSQL takes: %s', async (sql) => {
    await operator.query('begin');
    await expect(operator.query(sql)).resolves.toBeDefined();
    await operator.query('rollback');
  });

  it('that raises every epoch ends every session and refresh token of before, and nothing of after', async () => {
    const { accessToken, refreshToken, email } = await addLoggedInUser(app);
    const { cookie } = await addCookieSession(app);
    await operator.query(statementThat('update users set auth_epoch'));
    const started = await Application.open({ deploymentOf: app });
    expect(await isAccepted(started, accessToken)).toBe(false);
    expect((await started.send('GET', '/api/v1/auth/session', { cookie })).status).toBe(401);
    const refreshed = await started.send('POST', '/api/v1/auth/refresh', { json: { refreshToken } });
    expect(refreshed.code).toBe('invalid_refresh_token');
    expect(await isAccepted(started, (await login(started, email)).data.accessToken)).toBe(true);
    await started.close();
  });

  it('that gives erased persons to the job that erases has them erased, and nobody else', async () => {
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
    // The database's clock may be a millisecond ahead of ours, and the job of the hour may come first.
    const isGone = async () => {
      await eraseDueAccounts(app.services);
      return (await app.services.users.profile(userId)) === undefined;
    };
    await eventually(isGone, { what: 'the account is erased' });
    expect(await isAccepted(app, other.accessToken)).toBe(true);
  });

  it('that counts hashes without a seal finds none', async () => {
    await addLoggedInUser(app);
    const { rows } = await operator.query<{ count: string }>(statementThat('select count(*) from passwords'));
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

function statementThat(begins: string): string {
  return present(
    statements.find((sql) => sql.startsWith(begins)),
    begins,
  );
}
