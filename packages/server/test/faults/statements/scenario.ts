/** Scenarios, each of which is interrupted at every statement. */

import { OperatorError } from '#app/operator-error.ts';
import { createInvitation } from '#flows/admin-invitations/index.ts';
import { assert } from '#kernel/assert.ts';
import { Problem } from '#kernel/problem.ts';
import { storedLinkToken } from '#test/support/stored-links.ts';
import { userIdOf } from '#test/support/user-status.ts';
import type { Application, AppResponse, RequestOptions } from '../../support/application.ts';
import { addActiveUser } from '../../support/daily-traffic.ts';
import { operator } from '../../support/operator.ts';
import { renderedForm } from '../../support/rendered-form.ts';
import {
  cookieHeader,
  login,
  register,
  sameOrigin,
  type Tokens,
  uniqueEmail,
  validPassword,
  verifyEmail,
} from '../../support/user-actions.ts';

/** `done`, or the code of the problem. */
export type Result = string;

/** A scenario ready to run. */
export interface Prepared {
  /** Sends the request; a retry sends it again. */
  readonly run: () => Promise<Result>;
  /** Whether the end state is reached and the user is not locked out. */
  readonly isComplete: () => Promise<boolean>;
}

/** Reviewed by hand: the expected rows are never computed from the code under test. */
export interface Scenario {
  /** The id of an operation, command or job; after a comma, the case. */
  readonly name: string;
  readonly prepare: (app: Application) => Promise<Prepared>;
  /** The result without an interruption. Default: `done`. */
  readonly result?: Result;
  /** A further allowed result of a retry, when the effect has happened already. */
  readonly retryResult?: Result;
  readonly audit: readonly string[];
  readonly mail?: readonly string[];
  /** Default: one job that sends each mail. */
  readonly jobs?: readonly string[];
  /**
   * For effects that commit one by one by design: some of them may be present, and a failure may concern only the last
   * one.
   */
  readonly commitsInParts?: true;
  /** For jobs, which run again when their worker dies before it completes them: two runs have the effect of one. */
  readonly isIdempotent?: true;
  /** Rows that any process creates when they are missing; they may be present or absent. */
  readonly optionalRows?: readonly string[];
}

/** A user with a verified address. */
export interface ScenarioUser {
  readonly app: Application;
  readonly email: string;
  readonly userId: string;
}

export const newPassword = 'another good password';

export async function addScenarioUser(app: Application): Promise<ScenarioUser> {
  const email = await addActiveUser(app);
  return { app, email, userId: await userIdOf(app, email) };
}

/** A user with an unconsumed verification link. */
export async function addUnverifiedUser(app: Application): Promise<ScenarioUser> {
  const email = uniqueEmail('newcomer');
  await register(app, email);
  return { app, email, userId: await userIdOf(app, email) };
}

/** Logs in; throws when the login is rejected. Nothing happened when the database is busy, as on a machine that stalls. */
export async function logIn({ app, email }: ScenarioUser, password = validPassword): Promise<Tokens> {
  let { data, code } = await login(app, email, { password });
  if (code === 'busy') ({ data, code } = await login(app, email, { password }));
  if (code !== undefined) throw new Error(`the login was rejected: ${code}`);
  return data;
}

/** Whether the password alone starts a session. */
export async function canLogIn(app: Application, email: string, password = validPassword): Promise<boolean> {
  const { status, data } = await login(app, email, { password });
  return status === 200 && data.step === undefined;
}

export function linkToken(
  { app, userId }: ScenarioUser,
  purpose: Parameters<typeof storedLinkToken>[2],
): Promise<string> {
  return storedLinkToken(app, userId, purpose);
}

/** Sends a request to the API, below `/api/v1`. */
export async function request(
  app: Application,
  method: string,
  path: string,
  sent: RequestOptions = {},
): Promise<Result> {
  return resultOf(await app.send(method, `/api/v1${path}`, sent));
}

/** The token of an invitation to this address. */
export async function invitationLink({ services }: Application, address: string): Promise<string> {
  const email = { asTyped: address, canonical: address };
  const invited = await createInvitation(services, operator, { email, locale: 'en', role: null });
  assert(invited.kind === 'created', 'the address is invited');
  return services.tokens.secret(invited.invitationId, 'invitation', services.keys.currentKeyId('link'));
}

export async function submitForm(
  app: Application,
  path: string,
  form: Readonly<Record<string, string>>,
  cookie?: string,
): Promise<Result> {
  return resultOf(await app.send('POST', path, { form, headers: sameOrigin, ...(cookie !== undefined && { cookie }) }));
}

/** A ticket of a page, as the browser of `submitForm` has it. */
export interface PageTicket {
  readonly cookie: string;
  readonly fields: { readonly login: string };
}

/** Signs in on the page; the password leads to a further step. */
export async function startOnPage({ app, email }: Pick<ScenarioUser, 'app' | 'email'>): Promise<PageTicket> {
  const form = { email, password: validPassword };
  return pageTicketOf(app, await app.send('POST', '/login', { form, headers: sameOrigin }));
}

/** The ticket of the step that a form leads to. */
export async function pageTicketOf(app: Application, { cookies, headers }: AppResponse): Promise<PageTicket> {
  const cookie = `${cookieHeader(cookies)}; ${renderedForm.cookie}`;
  const { text } = await app.send('GET', headers.get('location') ?? '', { headers: { cookie } });
  return { cookie: cookieHeader(cookies), fields: { login: /name="login" value="([^"]+)"/.exec(text)?.[1] ?? '' } };
}

export function resultOf({ status, code, headers }: AppResponse): Result {
  if (/^\/login(?:\?continue=|$)/.test(headers.get('location') ?? '')) return 'not_authenticated';
  return status < 400 ? 'done' : (code ?? `page ${status}`);
}

/** Fails logins until further attempts are delayed. */
export async function exhaustAttempts(app: Application, email: string): Promise<void> {
  for (let guess = 0; guess < 5; guess += 1) await login(app, email, { password: 'never the password' });
  assert(!(await canLogIn(app, email)), 'further attempts are delayed');
}

/** Whether the newest link verifies the address and the login succeeds. */
export async function canVerify(app: Application, email: string): Promise<boolean> {
  const { status } = await verifyEmail(app, await storedLinkToken(app, await userIdOf(app, email), 'verify_email'));
  return status === 200 && (await canLogIn(app, email));
}

/** The result of a command that fails with a sentence for the operator. */
export const rejectedCommand = 'operator error';

/** The result of work without a request. */
export async function resultOfWork(work: () => Promise<unknown>): Promise<Result> {
  try {
    await work();
    return 'done';
  } catch (error) {
    if (error instanceof Problem) return error.code;
    return error instanceof OperatorError ? rejectedCommand : 'internal';
  }
}

/** Whether all are true; evaluated in order, because each may change what the next one sees. */
export async function allTrue(conditions: readonly (() => Promise<boolean>)[]): Promise<boolean> {
  for (const condition of conditions) if (!(await condition())) return false;
  return true;
}

export function not(condition: () => Promise<boolean>): () => Promise<boolean> {
  return async () => !(await condition());
}
