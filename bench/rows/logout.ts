/** Logout, in requests a second, against pgbench with the same statement. */
import '../../packages/server/src/domain/sessions/index.ts';
import type { Lab } from '../support/lab.ts';
import { load } from '../support/load.ts';
import { addTokenSessions, peopleFor, type Tokens } from '../support/people.ts';
import { type ParameterSql, pgbenchClients, runPgbench, writeScript } from '../support/pgbench.ts';
import { runSql } from '../support/psql.ts';
import { requestBytes } from '../support/requests.ts';
import { againstPgbench, type Finding, type Row } from '../support/row.ts';
import { compare } from '../support/windows.ts';

const connections = 32;
/** Sessions that end in one window, on either side. */
const logouts = 300 * pgbenchClients;

/** The row. */
export const logoutRow: Row = { name: 'logout', operation: 'logout', ...againstPgbench, measure };

async function measure(lab: Lab): Promise<Finding> {
  const system = await lab.system();
  const { windows } = lab.options;
  const databaseUrl = await lab.databaseUrl();
  // One window more on either side, to warm up.
  const count = logouts * (windows + 1);
  const people = await lab.people(Math.max(pgbenchClients, peopleFor(count + pgbenchClients)));
  const models = await addModels(lab);
  const sessions = await addTokenSessions(system, people, count);
  cloneSessions(databaseUrl, models, count);
  const script = writeScript(lab.directory, 'sessions.end', parameters(new Date(), models));
  let ended = 0;
  const ours = async () => {
    const some = sessions.slice(ended, ended + logouts);
    ended += logouts;
    await send(system.port, 'GET', 'session', some);
    const run = await send(system.port, 'POST', 'logout', some);
    return run.answers / run.seconds;
  };
  let first = 0;
  const reference = () => {
    const transactions = logouts / pgbenchClients;
    first += transactions;
    return runPgbench(databaseUrl, script, first - transactions, { transactions });
  };
  await ours();
  await reference();
  return againstPgbench.toFinding(await compare({ ours, reference }, { windows, better: 'larger' }));
}

/** Who logs out has just used their session: it is remembered, and the one round trip is the logout's. */
function send(port: number, method: 'GET' | 'POST', path: string, sessions: readonly Tokens[]) {
  const requests = sessions.map(({ accessToken: token }) => requestBytes(method, `/api/v1/auth/${path}`, { token }));
  const remaining = requests.values();
  return load({ next: () => remaining.next().value }, { port, connections });
}

type Model = { readonly sessionId: string; readonly userId: string };

/** One session of a different person for each of pgbench's clients, so that no row of a user is fought for. */
async function addModels(lab: Lab): Promise<Model[]> {
  const system = await lab.system();
  const people = await lab.people(pgbenchClients);
  const models = people.map(async (person) => (await addTokenSessions(system, [person], 1))[0] as Tokens & Model);
  return Promise.all(models);
}

/** The `n`th session of a client, for n from 1. */
const sessionId = (n: string, client: string) => `lpad(to_hex(${n} * ${pgbenchClients} + ${client}), 32, '0')::uuid`;

/** Sessions with their families, as the statement finds them; which values the other columns have is no matter. */
function cloneSessions(databaseUrl: string, models: readonly Model[], count: number): void {
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

// In ISO 8601's basic format: pgbench takes what follows a colon for a variable.
function parameters(now: Date, models: readonly Model[]): ParameterSql {
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
