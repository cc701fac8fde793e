/** Logout, in requests per second, compared with pgbench on the same statement. */
import '../../packages/server/src/domain/sessions/index.ts';
import type { Lab } from '../support/lab.ts';
import { load } from '../support/load.ts';
import { type ParameterSql, pgbenchClients, runPgbench, writeScript } from '../support/pgbench.ts';
import { runSql } from '../support/psql.ts';
import { requestBytes } from '../support/requests.ts';
import { againstPgbench, type Measurement, type Row } from '../support/row.ts';
import { addTokenSessions, type Tokens, usersFor } from '../support/users.ts';
import { compare } from '../support/windows.ts';

const connections = 32;
/** Sessions revoked in one window, on either side. */
const logouts = 300 * pgbenchClients;

export const logoutRow: Row = { name: 'logout', operation: 'logout', ...againstPgbench, measure };

async function measure(lab: Lab): Promise<Measurement> {
  const system = await lab.system();
  const { windows } = lab.options;
  const databaseUrl = await lab.databaseUrl();
  // One more window on either side, to warm up.
  const count = logouts * (windows + 1);
  const users = await lab.users(Math.max(pgbenchClients, usersFor(count + pgbenchClients)));
  const models = await addModels(lab);
  const sessions = await addTokenSessions(system, users, count);
  cloneSessions(databaseUrl, models, count);
  const script = writeScript(lab.directory, 'sessions.end', parameters(new Date(), models));
  let revoked = 0;
  const measureLatchkey = async () => {
    const batch = sessions.slice(revoked, revoked + logouts);
    revoked += logouts;
    await send(system.port, 'GET', 'session', batch);
    const run = await send(system.port, 'POST', 'logout', batch);
    return run.responses / run.seconds;
  };
  let first = 0;
  const reference = () => {
    const transactions = logouts / pgbenchClients;
    first += transactions;
    return runPgbench(databaseUrl, script, first - transactions, { transactions });
  };
  await measureLatchkey();
  await reference();
  return againstPgbench.toFinding(
    await compare({ latchkey: measureLatchkey, reference }, { windows, better: 'larger' }),
  );
}

/** Checks each session first, so that it is cached and the logout makes its only round trip. */
function send(port: number, method: 'GET' | 'POST', path: string, sessions: readonly Tokens[]) {
  const requests = sessions.map(({ accessToken: token }) => requestBytes(method, `/api/v1/auth/${path}`, { token }));
  const remaining = requests.values();
  return load({ next: () => remaining.next().value }, { port, connections });
}

type SessionModel = { readonly sessionId: string; readonly userId: string };

/** One session of a different user for each client of pgbench, so that no user row is contended. */
async function addModels(lab: Lab): Promise<SessionModel[]> {
  const system = await lab.system();
  const users = await lab.users(pgbenchClients);
  const models = users.map(async (user) => (await addTokenSessions(system, [user], 1))[0] as Tokens & SessionModel);
  return Promise.all(models);
}

/** The `n`th session of a client, starting at 1. */
const sessionId = (n: string, client: string) => `lpad(to_hex(${n} * ${pgbenchClients} + ${client}), 32, '0')::uuid`;

/** Inserts sessions with their families; the values of the other columns do not matter to the statement. */
function cloneSessions(databaseUrl: string, models: readonly SessionModel[], count: number): void {
  const rows = models.map((model, client) => `(${client}::int8, '${model.sessionId}'::uuid)`);
  const id = sessionId('n', 'client');
  runSql(
    databaseUrl,
    `create temporary table clones as select ${id} as id, model.session_id as model_id
      from (values ${rows.join(', ')}) as model (client, session_id),
        generate_series(1::int8, ${count / pgbenchClients}) as n;
    insert into sessions (id, user_id, client_id, device_id, auth_epoch, transport, amr, acr, auth_time, factor_times,
        sealed_client_info, created_at, last_seen_at, idle_expires_at, expires_at)
      select clones.id, user_id, client_id, device_id, auth_epoch, transport, amr, acr, auth_time, factor_times,
        sealed_client_info, created_at, last_seen_at, idle_expires_at, expires_at
      from clones join sessions on sessions.id = clones.model_id;
    insert into refresh_families (id, session_id, client_id, user_id, auth_epoch, created_at)
      select clones.id, clones.id, client_id, user_id, auth_epoch, created_at
      from clones join refresh_families f on f.session_id = clones.model_id;
    analyze sessions, refresh_families, users;`,
  );
}

// In the basic format of ISO 8601, because pgbench parses a colon as the start of a variable.
function parameters(now: Date, models: readonly SessionModel[]): ParameterSql {
  const time = `'${now.toISOString().replaceAll(/[-:]|\.\d+/g, '')}'::timestamptz`;
  const id = sessionId(':n::int8', ':client_id::int8');
  const users = models.map(({ userId }) => `'${userId}'`).join(', ');
  const userId = `(array[${users}]::uuid[])[:client_id::int4 + 1]`;
  const user = models[0]?.userId ?? '';
  return {
    sessionId: id,
    userId,
    reason: `'logout'`,
    endedAt: time,
    auditId: id,
    auditAt: time,
    auditAction: `'session.logged_out'`,
    auditActorKind: `'user'`,
    auditUserId: userId,
    auditSessionId: id,
    auditBody: `convert_to('{"action":"session.logged_out","actor":{"id":"${user}","kind":"user"},"at":"20300101T000000.000Z","id":"${user}","sessionId":"${user}","userId":"${user}","v":1}', 'UTF8')`,
  };
}
