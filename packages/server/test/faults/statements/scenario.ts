/** What somebody asks for, which the way to the database interrupts at every statement. */
import { OperatorError } from '#app/operator-error.ts';
import { assert } from '#kernel/assert.ts';
import { Problem } from '#kernel/problem.ts';
import { storedLinkToken } from '#test/support/stored-links.ts';
import { userIdOf } from '#test/support/user-status.ts';
import type { Application, AppResponse, RequestOptions } from '../../support/application.ts';
import { addActiveUser } from '../../support/daily-traffic.ts';
import { login, register, type Tokens, uniqueEmail, validPassword, verifyEmail } from '../../support/user-actions.ts';

/** What the asker was told: `done`, or the code of the refusal. */
export type Told = string;

/** Somebody who is about to ask. */
export interface Begun {
  /** Asks; again after an interruption, as people do. */
  readonly ask: () => Promise<Told>;
  /** Whether everything stands as it must once the asker was through, and nobody is locked out. */
  readonly isSettled: () => Promise<boolean>;
}

/** One thing to ask for. Reviewed by hand: what it leaves behind is never computed from what it does. */
export interface Scenario {
  /** The id of an operation, a command or a job, and after a comma which case of it. */
  readonly name: string;
  readonly begin: (app: Application) => Promise<Begun>;
  /** What the asker is told when nothing breaks; `done` when not given. */
  readonly told?: Told;
  /** What else they may be told who ask again for what has happened already. */
  readonly again?: Told;
  readonly audit: readonly string[];
  readonly mail?: readonly string[];
  /** One that sends each mail, unless something else is named here. */
  readonly jobs?: readonly string[];
  /**
   * Several effects that commit one by one on purpose: some of them may be there, and a refusal may speak of the last
   * one alone.
   */
  readonly inParts?: true;
  /** A job, which runs again when its worker died before it could say so: done twice, it is done once. */
  readonly once?: true;
  /** Rows that whoever finds them missing makes; they may be there or not. */
  readonly madeLater?: readonly string[];
}

/** Somebody with a proven address, and sessions on devices. */
export interface Regular {
  readonly app: Application;
  readonly email: string;
  readonly userId: string;
}

export const newPassword = 'another good password';

export async function regular(app: Application): Promise<Regular> {
  const email = await addActiveUser(app);
  return { app, email, userId: await userIdOf(app, email) };
}

/** Somebody who waits for the first link. */
export async function newcomer(app: Application): Promise<Regular> {
  const email = uniqueEmail('newcomer');
  await register(app, email);
  return { app, email, userId: await userIdOf(app, email) };
}

/** Logs in, and throws where the login is refused. */
export async function logIn({ app, email }: Regular, password = validPassword): Promise<Tokens> {
  const { data, code } = await login(app, email, { password });
  if (code !== undefined) throw new Error(`the login was refused: ${code}`);
  return data;
}

/** Whether the password opens a session at once. */
export async function canLogIn(app: Application, email: string, password = validPassword): Promise<boolean> {
  const { status, data } = await login(app, email, { password });
  return status === 200 && data.step === undefined;
}

export function linkOf({ app, userId }: Regular, purpose: Parameters<typeof storedLinkToken>[2]): Promise<string> {
  return storedLinkToken(app, userId, purpose);
}

/** Sends a request of the API, below `/api/v1`. */
export async function ask(app: Application, method: string, path: string, sent: RequestOptions = {}): Promise<Told> {
  return toldBy(await app.send(method, `/api/v1${path}`, sent));
}

/** Sends the form of a page. */
export async function submit(app: Application, path: string, form: Readonly<Record<string, string>>): Promise<Told> {
  return toldBy(await app.send('POST', path, { form }));
}

export function toldBy({ status, code }: AppResponse): Told {
  return status < 300 ? 'done' : (code ?? `page ${status}`);
}

/** Wrong passwords until strangers have to wait. */
export async function shutOut(app: Application, email: string): Promise<void> {
  for (let guess = 0; guess < 5; guess += 1) await login(app, email, { password: 'never the password' });
  assert(!(await canLogIn(app, email)), 'who was guessed at has to wait');
}

/** Whether the newest link proves the address, so that the login works. */
export async function canVerify(app: Application, email: string): Promise<boolean> {
  const { status } = await verifyEmail(app, await storedLinkToken(app, await userIdOf(app, email), 'verify_email'));
  return status === 200 && (await canLogIn(app, email));
}

/** What a command tells whose effect is there already. */
export const refusedCommand = 'operator told no';

/** What becomes of work that no request asks for. */
export async function toldOf(work: () => Promise<unknown>): Promise<Told> {
  try {
    await work();
    return 'done';
  } catch (error) {
    if (error instanceof Problem) return error.code;
    return error instanceof OperatorError ? refusedCommand : 'internal';
  }
}

/** All of them hold; asked one after another, since each may change what the next one sees. */
export async function allHold(claims: readonly (() => Promise<boolean>)[]): Promise<boolean> {
  for (const claim of claims) if (!(await claim())) return false;
  return true;
}

export function not(claim: () => Promise<boolean>): () => Promise<boolean> {
  return async () => !(await claim());
}
