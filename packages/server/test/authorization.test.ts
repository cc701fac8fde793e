/** The authorization matrix: every operation, requested by every principal, against the hand-reviewed table. */
import { beforeAll, describe, expect, it } from 'vitest';
import { openReadiness } from '#app/readiness-checks.ts';
import { serverOf } from '#app/running.ts';
import { operatorEndpoints } from '#flows/probes/index.ts';
import { Application, type RequestOptions } from './support/application.ts';
import { loginMethodsEnabled } from './support/login-by-mail.ts';
import { changedTables, digestTables } from './support/table-digests.ts';
import { uniqueEmail } from './support/user-actions.ts';
import {
  type AuthorizationRow,
  authorization,
  operatorAuthorization,
  type PrincipalName,
  principals,
} from './surface/authorization.ts';
import type { ExpectedOperation } from './surface/expected-operation.ts';
import { expectedOperations } from './surface/operations.ts';
import { mayAct, type PrincipalRequest, Principals } from './surface/principals.ts';

const operations = expectedOperations.map((operation) => [operation.id, operation] as const);

/** Each login attempt uses its own address, because attempts at one address are delayed from the fifth on. */
function bodyOf({ body, form }: ExpectedOperation): Pick<RequestOptions, 'json' | 'form'> {
  if (body !== undefined) return { json: 'email' in body ? { ...body, email: uniqueEmail() } : body };
  if (form === undefined) return {};
  return { form: 'email' in form ? { ...form, email: uniqueEmail() } : form };
}

function targetOf({ path, query }: ExpectedOperation, { sessionId }: PrincipalRequest): string {
  const concrete = path.replace('{id}', sessionId).replace('{provider}', 'none');
  return query === undefined ? concrete : `${concrete}?${query}`;
}

function rowOf(id: string): AuthorizationRow {
  const row = authorization[id];
  if (row === undefined) throw new Error(`"${id}" has no row in the table`);
  return row;
}

const isRejection = (verdict: string) => Number(verdict.slice(0, 3)) >= 400;

it('has a row for each operation and an operation for each row', async () => {
  const app = await Application.open({ manual: true });
  const operatorIds = operatorEndpoints(
    openReadiness(app.services, () => undefined),
    app.services.metrics,
  ).map(({ id }) => id);
  const ids = app.endpoints.map(({ id }) => id);
  await app.send('GET', '/livez');
  await app.close();
  expect(ids.length).toBeGreaterThan(40);
  expect(new Set(ids)).toEqual(new Set(Object.keys(authorization)));
  expect(new Set(operatorIds)).toEqual(new Set(Object.keys(operatorAuthorization)));
});

describe('authorization', () => {
  let app: Application;
  let allPrincipals: Principals;
  let cells = 0;

  beforeAll(async () => {
    app = await Application.open({ manual: true, env: loginMethodsEnabled });
    await app.services.revocations.start();
    allPrincipals = new Principals(app);
    return () => app.close();
  });

  async function send(operation: ExpectedOperation, request: PrincipalRequest): Promise<string> {
    const sent = { ...request.sent, ...bodyOf(operation) };
    const { status, code } = await app.send(operation.method, targetOf(operation, request), sent);
    cells += 1;
    return code === undefined ? String(status) : `${status} ${code}`;
  }

  it.each(operations)('%s: rejects, and writes to no other than the reviewed tables', async (id, operation) => {
    const { verdicts, writtenTables = [] } = rowOf(id);
    const rejected = principals.filter((name) => isRejection(verdicts[name]));
    const requests: [PrincipalName, PrincipalRequest][] = [];
    for (const name of rejected) requests.push([name, await allPrincipals.shared(name)]);
    const before = await digestTables(app);
    for (const [name, request] of requests) expect(await send(operation, request), name).toBe(verdicts[name]);
    expect(changedTables(before, await digestTables(app))).toEqual(writtenTables);
  });

  it.each(operations)('%s: accepts every other principal', async (id, operation) => {
    const { verdicts } = rowOf(id);
    const mayRevoke = operation.principals.includes('session') && operation.method !== 'GET';
    for (const name of principals.filter((one) => !isRejection(verdicts[one]))) {
      const request = await (mayRevoke && mayAct(name) ? allPrincipals.fresh(name) : allPrincipals.shared(name));
      expect(await send(operation, request), name).toBe(verdicts[name]);
    }
  });

  it('covered every cell', () => {
    expect(cells).toBe(operations.length * principals.length);
  });
});

describe('the operator’s listener', () => {
  it('requires no credentials', async () => {
    const app = await Application.open({ manual: true });
    await app.services.revocations.read();
    const allPrincipals = new Principals(app);
    const endpoints = operatorEndpoints(
      openReadiness(app.services, () => undefined),
      app.services.metrics,
    );
    const server = await serverOf(app.services, endpoints);
    for (const { id, path } of endpoints) {
      for (const name of principals) {
        const { token, cookie, headers } = (await allPrincipals.shared(name)).sent;
        const all = new Headers(headers);
        if (token !== undefined) all.set('authorization', `Bearer ${token}`);
        if (cookie !== undefined) all.set('cookie', cookie);
        const request = new Request(`http://localhost:5626${path}`, { headers: all });
        const { status } = await server.fetch(request, { peerAddress: '::1' });
        expect(String(status), `${id}, ${name}`).toBe(operatorAuthorization[id]?.verdicts[name]);
      }
    }
    await server.close({ graceMs: 0 });
    await app.close();
  });
});
