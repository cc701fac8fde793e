/** Refresh, in requests per second, compared with pgbench on the same statement. */
import '../../packages/server/src/domain/refresh-tokens/index.ts';
import type { Lab } from '../support/lab.ts';
import { load, type Traffic } from '../support/load.ts';
import { type ParameterSql, pgbenchClients, runPgbench, writeScript } from '../support/pgbench.ts';
import { runSql } from '../support/psql.ts';
import { dataOf, requestBytes } from '../support/requests.ts';
import { againstPgbench, type Measurement, type Row } from '../support/row.ts';
import { addTokenSessions, type Tokens } from '../support/users.ts';
import { compare } from '../support/windows.ts';

const connections = 32;

export const refreshRow: Row = {
  name: 'refresh',
  operation: 'refresh',
  ...againstPgbench,
  measure,
};

async function measure(lab: Lab): Promise<Measurement> {
  const system = await lab.system();
  const { windows, seconds } = lab.options;
  const databaseUrl = await lab.databaseUrl();
  const sessions = await addTokenSessions(system, await lab.users(1), connections + pgbenchClients);
  const traffic = refreshChains(sessions.slice(pgbenchClients));
  const script = writeScript(lab.directory, 'refresh_tokens.rotate', parameters(new Date()));
  const measureLatchkey = async () => {
    const run = await load(traffic, { port: system.port, connections, seconds });
    return run.responses / run.seconds;
  };
  let round = 0;
  const reference = () => {
    round += 1;
    insertTokens(databaseUrl, sessions.slice(0, pgbenchClients), round * roundLength);
    return runPgbench(databaseUrl, script, round * roundLength, { seconds });
  };
  await measureLatchkey();
  await reference();
  return againstPgbench.toFinding(
    await compare({ latchkey: measureLatchkey, reference }, { windows, better: 'larger' }),
  );
}

/** Each connection refreshes its own session repeatedly, always with its newest token. */
export function refreshChains(sessions: readonly Tokens[]): Traffic {
  const tokens = sessions.map((session) => session.refreshToken);
  return {
    next: (connection) => requestBytes('POST', '/api/v1/auth/refresh', { body: { refreshToken: tokens[connection] } }),
    onResponse: (connection, response) => {
      tokens[connection] = dataOf<Tokens>(response).refreshToken;
    },
  };
}

/** More than a client refreshes in a window, so that every window uses new numbers. */
const roundLength = 10_000_000;

/** The hash of a client's `:n`th token; the table stores hashes, so the token itself may be any text. */
const tokenHash = (client: string, n: string) => `sha256(convert_to(${client} || '-' || ${n}, 'UTF8'))`;

/** The first token of each client's chain, in the family of a real session. */
function insertTokens(databaseUrl: string, sessions: readonly Tokens[], first: number): void {
  const rows = sessions.map(({ sessionId }, client) => `(${client}, '${sessionId}'::uuid)`);
  runSql(
    databaseUrl,
    `insert into refresh_tokens (hash, family_id, issued_at, expires_at)
      select ${tokenHash('client', String(first))}, f.id, now(), now() + interval '7 days'
      from (values ${rows.join(', ')}) as chain (client, session_id)
        join refresh_families f on f.session_id = chain.session_id;
    analyze refresh_tokens, refresh_families, sessions, users;`,
  );
}

// In the basic format of ISO 8601, because pgbench parses a colon as the start of a variable.
function parameters(now: Date): ParameterSql {
  const time = `'${now.toISOString().replaceAll(/[-:]|\.\d+/g, '')}'`;
  return {
    hashes: `array[${tokenHash(':client_id::int8', '(:n::int8 - 1)')}]`,
    successorHashes: `array[${tokenHash(':client_id::int8', ':n::int8')}]`,
    keyId: `'00000000-0000-7000-8000-000000000001'::uuid`,
    now: `${time}::timestamptz`,
  };
}
