/** The authorisation matrix: every operation as asked by everybody, against the table that was reviewed by hand. */
import { beforeAll, describe, expect, it } from 'vitest';
import { opsEndpoints } from '#app/endpoints.ts';
import { serverOf } from '#app/running.ts';
import { Application, type RequestOptions } from './support/application.ts';
import { loginMethodsEnabled } from './support/login-by-mail.ts';
import { changedTables, digestTables } from './support/table-digests.ts';
import { uniqueEmail } from './support/user-actions.ts';
import {
  type AuthorisationRow,
  authorisation,
  operatorAuthorisation,
  type PrincipalName,
  principals,
} from './surface/authorisation.ts';
import type { ExpectedOperation } from './surface/expected-operation.ts';
import { expectedOperations } from './surface/operations.ts';
import { type Asking, Principals } from './surface/principals.ts';

/** Operations, as they are asked. */
const operations = expectedOperations.map((operation) => [operation.id, operation] as const);

/** Nobody guesses at an address that somebody else has guessed at: from the fifth guess on they would have to wait. */
function bodyOf({ body, form }: ExpectedOperation): Pick<RequestOptions, 'json' | 'form'> {
  if (body !== undefined) return { json: 'email' in body ? { ...body, email: uniqueEmail() } : body };
  return form === undefined ? {} : { form };
}

function targetOf({ path, query }: ExpectedOperation, { sessionId }: Asking): string {
  const concrete = path.replace('{id}', sessionId);
  return query === undefined ? concrete : `${concrete}?${query}`;
}

function rowOf(id: string): AuthorisationRow {
  const row = authorisation[id];
  if (row === undefined) throw new Error(`"${id}" has no row in the table`);
  return row;
}

const isRefusal = (verdict: string) => Number(verdict.slice(0, 3)) >= 400;

it('has a row for each operation, and an operation for each row', async () => {
  const app = await Application.open({ manual: true });
  const operator = opsEndpoints(app.services, []).map(({ id }) => id);
  const open = app.endpoints.map(({ id }) => id);
  await app.send('GET', '/livez');
  await app.close();
  expect(open.length).toBeGreaterThan(40);
  expect(new Set(open)).toEqual(new Set(Object.keys(authorisation)));
  expect(new Set(operator)).toEqual(new Set(Object.keys(operatorAuthorisation)));
});

describe.each(['postgres', 'embedded'] as const)('who is answered what (%s)', (on) => {
  let app: Application;
  let everybody: Principals;
  let cells = 0;

  beforeAll(async () => {
    app = await Application.open({ databaseKind: on, manual: true, env: loginMethodsEnabled });
    await app.services.revocations.start();
    everybody = new Principals(app);
    return () => app.close();
  });

  async function verdictOf(operation: ExpectedOperation, asking: Asking): Promise<string> {
    const sent = { ...asking.sent, ...bodyOf(operation) };
    const { status, code } = await app.send(operation.method, targetOf(operation, asking), sent);
    cells += 1;
    return code === undefined ? String(status) : `${status} ${code}`;
  }

  it.each(operations)('%s: everybody who is refused changes nothing', async (id, operation) => {
    const { verdicts, traces = [] } = rowOf(id);
    const refused = principals.filter((name) => isRefusal(verdicts[name]));
    const asking: [PrincipalName, Asking][] = [];
    for (const name of refused) asking.push([name, await everybody.of(name)]);
    const before = await digestTables(app.services.database);
    for (const [name, one] of asking) expect(await verdictOf(operation, one), name).toBe(verdicts[name]);
    expect(changedTables(before, await digestTables(app.services.database))).toEqual(traces);
  });

  it.each(operations)('%s: everybody else is answered', async (id, operation) => {
    const { verdicts } = rowOf(id);
    const mayEnd = operation.principals.includes('session') && operation.method !== 'GET';
    for (const name of principals.filter((one) => !isRefusal(verdicts[one]))) {
      const asking = await (mayEnd ? everybody.fresh(name) : everybody.of(name));
      expect(await verdictOf(operation, asking), name).toBe(verdicts[name]);
    }
  });

  it('asked about every cell', () => {
    expect(cells).toBe(operations.length * principals.length);
  });
});

describe('the operator’s listener', () => {
  it('asks nobody who they are', async () => {
    const app = await Application.open({ manual: true });
    const everybody = new Principals(app);
    const endpoints = opsEndpoints(app.services, []);
    const server = await serverOf(app.services, endpoints);
    for (const { id, path } of endpoints) {
      for (const name of principals) {
        const { token, cookie, headers } = (await everybody.of(name)).sent;
        const all = new Headers(headers);
        if (token !== undefined) all.set('authorization', `Bearer ${token}`);
        if (cookie !== undefined) all.set('cookie', cookie);
        const request = new Request(`http://localhost:3001${path}`, { headers: all });
        const { status } = await server.fetch(request, { peerAddress: '::1' });
        expect(String(status), `${id}, ${name}`).toBe(operatorAuthorisation[id]?.verdicts[name]);
      }
    }
    await server.close({ graceMs: 0 });
    await app.close();
  });
});
