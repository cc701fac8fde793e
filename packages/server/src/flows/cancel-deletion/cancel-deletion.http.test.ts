import { beforeAll, describe, expect, it } from 'vitest';
import { Application, type AppResponse } from '#test/support/application.ts';
import { auditActionsOf, failedAttemptsOf } from '#test/support/stored-login.ts';
import {
  addLoggedInUser,
  isAccepted,
  login,
  mailedToken,
  mailsTo,
  sameOrigin,
  validPassword,
} from '#test/support/user-actions.ts';
import { setStatus } from '#test/support/user-status.ts';

const graceMs = 7 * 24 * 60 * 60 * 1000;
const ticketMs = 10 * 60 * 1000;

let app: Application;

beforeAll(async () => {
  app = await Application.open();
  return () => app.close();
});

/** A user pending deletion. */
async function addPendingDeletion(node = app): Promise<string> {
  const { email, accessToken } = await addLoggedInUser(node);
  await node.send('DELETE', '/api/v1/users/me', { token: accessToken, json: { currentPassword: validPassword } });
  return email;
}

async function ticketOf(email: string): Promise<string> {
  const { data } = await login(app, email);
  return data.ticket ?? '';
}

function cancel(json: { readonly token?: string; readonly ticket?: string }): Promise<AppResponse> {
  return app.send('POST', '/api/v1/auth/cancel-deletion', { json });
}

const cancelLinkOf = (email: string) => mailedToken(app, email, 2);

describe('POST /api/v1/auth/login of a user pending deletion', () => {
  it.each(['token', 'cookie'])(
    '200 by %s has a step and a ticket, and neither session nor cookie',
    async (transport) => {
      const email = await addPendingDeletion();
      const { status, data, cookies } = await login(app, email, { transport });
      expect([status, cookies]).toEqual([200, []]);
      expect(Object.keys(data).sort()).toEqual(['step', 'ticket', 'ticketExpiresAt']);
      expect([data.step, data.ticket]).toEqual(['cancel_deletion', expect.stringMatching(/^lk_lt_/)]);
      expect((await auditActionsOf(app, email)).at(-1)).toBe('login.step_required');
      expect(await failedAttemptsOf(app, email)).toBe(0);
    },
  );

  it('401 for a wrong password', async () => {
    const email = await addPendingDeletion();
    expect((await login(app, email, { password: 'not the password' })).code).toBe('invalid_credentials');
  });

  it('401 exactly from the end of the grace period, although the job has not run yet', async () => {
    const node = await Application.open({ manual: true });
    const email = await addLoggedInWithoutMail(node);
    node.clock.advance(graceMs);
    expect((await login(node, email)).code).toBe('invalid_credentials');
    await node.close();
  });
});

/** On a node of its own, whose clock the test moves. */
async function addLoggedInWithoutMail(node: Application): Promise<string> {
  const mailer = await Application.open({ deploymentOf: node });
  const email = await addPendingDeletion(mailer);
  await mailer.close();
  return email;
}

describe('POST /api/v1/auth/cancel-deletion', () => {
  it('200 by ticket: the next login issues a session, and the user gets a mail', async () => {
    const email = await addPendingDeletion();
    const { status, data } = await cancel({ ticket: await ticketOf(email) });
    expect([status, data]).toEqual([200, { status: 'kept' }]);
    const { data: tokens } = await login(app, email);
    expect(await isAccepted(app, tokens.accessToken)).toBe(true);
    expect((await mailsTo(app, email)).includes('account_deletion_canceled')).toBe(true);
    expect(await auditActionsOf(app, email)).toContain('account.deletion_canceled');
  });

  it('200 by the mailed link', async () => {
    const email = await addPendingDeletion();
    expect((await cancel({ token: await cancelLinkOf(email) })).status).toBe(200);
    expect((await login(app, email)).data.step).toBeUndefined();
  });

  it('200 by link invalidates every ticket', async () => {
    const email = await addPendingDeletion();
    const [link, ticket] = [await cancelLinkOf(email), await ticketOf(email)];
    await cancel({ token: link });
    expect((await cancel({ ticket })).code).toBe('invalid_ticket');
  });

  it('200 by ticket invalidates the link', async () => {
    const email = await addPendingDeletion();
    const [link, ticket] = [await cancelLinkOf(email), await ticketOf(email)];
    await cancel({ ticket });
    expect((await cancel({ token: link })).code).toBe('invalid_token');
  });

  it('401 for a ticket after ten minutes, and a new one works', async () => {
    const email = await addPendingDeletion();
    const ticket = await ticketOf(email);
    app.clock.advance(ticketMs);
    expect((await cancel({ ticket })).code).toBe('invalid_ticket');
    expect((await cancel({ ticket: await ticketOf(email) })).status).toBe(200);
  });

  it('200 for one of ten concurrent requests with one ticket', async () => {
    const email = await addPendingDeletion();
    const ticket = await ticketOf(email);
    const responses = await Promise.all(Array.from({ length: 10 }, () => cancel({ ticket })));
    const statuses = responses.map(({ status }) => status).toSorted((a, b) => a - b);
    expect(statuses).toEqual([200, ...Array(9).fill(401)]);
    expect((await auditActionsOf(app, email)).filter((action) => action === 'account.deletion_canceled')).toHaveLength(
      1,
    );
  });

  it('400 for the link of a user whom an operator disabled', async () => {
    const email = await addPendingDeletion();
    const link = await cancelLinkOf(email);
    await setStatus(app, email, 'disabled');
    expect((await cancel({ token: link })).code).toBe('invalid_token');
  });

  it('422 for both, and for neither', async () => {
    for (const json of [{}, { token: 'x', ticket: 'x' }]) expect((await cancel(json)).code).toBe('validation_failed');
  });

  it('400 for a ticket as link, and 401 for a link as ticket', async () => {
    expect((await cancel({ token: `lk_lt_${'A'.repeat(49)}` })).code).toBe('invalid_token');
    expect((await cancel({ ticket: `lk_ot_${'A'.repeat(49)}` })).code).toBe('invalid_ticket');
  });
});

describe('/cancel-deletion', () => {
  it('GET changes nothing, and the form cancels the deletion', async () => {
    const email = await addPendingDeletion();
    const token = await cancelLinkOf(email);
    const rendered = await app.send('GET', `/cancel-deletion?token=${token}`);
    expect([rendered.status, rendered.text]).toEqual([200, expect.stringContaining('Yes, keep my account')]);
    expect((await login(app, email)).data.step).toBe('cancel_deletion');
    const submitted = await app.send('POST', '/cancel-deletion', { form: { token }, headers: sameOrigin });
    expect([submitted.status, submitted.text]).toEqual([200, expect.stringContaining('Account kept')]);
    expect((await login(app, email)).data.step).toBeUndefined();
  });

  it('200 when the form is submitted twice, also at once; 400 after another request to delete the account', async () => {
    const email = await addPendingDeletion();
    const token = await cancelLinkOf(email);
    const submit = () => app.send('POST', '/cancel-deletion', { form: { token }, headers: sameOrigin });
    const pressed = await Promise.all([1, 2, 3].map(submit));
    expect(pressed.map(({ status }) => status)).toEqual([200, 200, 200]);
    expect((await app.send('GET', `/cancel-deletion?token=${token}`)).text).toContain('Account kept');
    expect((await cancel({ token })).code).toBe('invalid_token');
    const { accessToken } = (await login(app, email)).data;
    const json = { currentPassword: validPassword };
    await app.send('DELETE', '/api/v1/users/me', { token: accessToken, json });
    expect((await submit()).status).toBe(400);
  });

  it('POST is rejected from another site', async () => {
    const token = await cancelLinkOf(await addPendingDeletion());
    const headers = { 'sec-fetch-site': 'cross-site' };
    expect((await app.send('POST', '/cancel-deletion', { form: { token }, headers })).status).toBe(403);
  });
});
