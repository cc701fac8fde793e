/** The proof of an address erases everything that another registration of it left (invariant 18). */
import { beforeAll, describe, expect, it } from 'vitest';
import { createUser } from '#flows/admin-users/index.ts';
import { statement } from '#platform/database/index.ts';
import { parseEmailAddress } from '#protocol/email-address/index.ts';
import { Application } from './support/application.ts';
import { invite } from './support/invitations.ts';
import { loginMethodsEnabled, requestCode, requestLink } from './support/login-by-mail.ts';
import { operator } from './support/operator.ts';
import { sealedColumnsContaining } from './support/sealed-values.ts';
import { storedLinkToken } from './support/stored-links.ts';
import { tablesContaining } from './support/tables-containing.ts';
import {
  addLoggedInUser,
  login,
  mailsTo,
  register,
  uniqueEmail,
  validPassword,
  verifyEmail,
} from './support/user-actions.ts';
import { userIdOf } from './support/user-status.ts';

const readUser = statement('unproven_test.user', {
  lane: 'pool',
  sql: `select u.name, u.locale, i.as_typed, i.verified_at from users u join identifiers i on i.user_id = u.id
    where i.canonical = :canonical`,
  params: { canonical: 'text' },
  columns: { name: 'text', locale: 'text', asTyped: 'text', verifiedAt: 'timestamptz?' },
});

const stranger = { password: 'the passphrase of a stranger', locale: 'sl-rozaj-biske-1994' };
const strangersSpelling = (email: string) => email.replace('owner', 'OwNeR');

let app: Application;

beforeAll(async () => {
  app = await Application.open({ env: loginMethodsEnabled });
  return () => app.close();
});

const letters = 'abcdefghijklmnopqrstuvwxyz';
let names = 0;

/** A name that no other case uses. */
function strangersName(): string {
  names += 1;
  return `Mallory X${letters[Math.floor(names / 26)]}${letters[names % 26]}quz`;
}

interface Case {
  readonly email: string;
  readonly name: string;
  /** The link of the owner's own registration. */
  link: string;
}

async function registerStranger({ email, name }: Case): Promise<void> {
  expect((await register(app, strangersSpelling(email), { ...stranger, name })).status).toBe(201);
}

async function registerOwner(run: Case): Promise<void> {
  expect((await register(app, run.email, { locale: 'de' })).status).toBe(201);
  run.link = await storedLinkToken(app, await userIdOf(app, run.email), 'verify_email');
}

const orders: readonly (readonly [string, readonly ((run: Case) => Promise<void>)[]])[] = [
  ['the stranger first', [registerStranger, registerOwner]],
  ['the owner first', [registerOwner, registerStranger]],
  ['the stranger before and after', [registerStranger, registerOwner, registerStranger]],
];

const german = { 'accept-language': 'de' };

async function prove(path: string, json: object): Promise<void> {
  expect((await app.send('POST', `/api/v1/auth/${path}`, { json, headers: german })).status).toBeLessThan(300);
}

/** The ways to prove the mailbox, and what is then known of the owner. */
const proofs: readonly (readonly [string, (run: Case) => Promise<void>, { readonly name: string }])[] = [
  [
    'the link of the own registration',
    async ({ link }) => expect((await verifyEmail(app, link)).status).toBe(200),
    { name: 'Ada Lovelace' },
  ],
  [
    'another link, with a password',
    async ({ email }) => {
      await prove('resend-verification', { email });
      const token = await storedLinkToken(app, await userIdOf(app, email), 'verify_email');
      await prove('verify-email', { token, password: validPassword });
    },
    { name: '' },
  ],
  [
    'a reset by mail',
    async ({ email }) => {
      await prove('forgot-password', { email });
      const token = await storedLinkToken(app, await userIdOf(app, email), 'reset_password');
      await prove('reset-password', { token, password: validPassword });
    },
    { name: '' },
  ],
  [
    'an invitation',
    async ({ email }) => {
      const token = await invite(app, email, { locale: 'de' });
      await prove('accept-invitation', { token, name: 'Ada Lovelace', password: validPassword });
    },
    { name: 'Ada Lovelace' },
  ],
  [
    'the command of an operator',
    async ({ email }) => {
      const parsed = parseEmailAddress(email);
      if (parsed.kind !== 'ok') throw new Error('not an address');
      const user = { email: parsed.address, name: 'Ada Lovelace', locale: 'de', roles: [], password: validPassword };
      expect((await createUser(app.services, operator, user)).kind).toBe('created');
    },
    { name: 'Ada Lovelace' },
  ],
];

const cases = orders.flatMap(([order, steps]) =>
  proofs.map(([proof, act, owner]) => ({ order, steps, proof, act, owner })),
);

async function expectNothingOf({ email, name }: Case): Promise<void> {
  const { database, keys } = app.services;
  expect(await tablesContaining(database, name)).toEqual([]);
  expect(await sealedColumnsContaining(database, keys, [name, stranger.locale])).toEqual([]);
  expect((await login(app, email, { password: stranger.password })).code).toBe('invalid_credentials');
}

describe('a proof of an address that a stranger registered', () => {
  it.each(cases)('$order: $proof leaves nothing of the stranger', async ({ steps, act, owner }) => {
    const run: Case = { email: uniqueEmail('owner'), name: strangersName(), link: '' };
    for (const step of steps) await step(run);
    await act(run);
    const user = await app.services.database.row(readUser, { canonical: run.email });
    expect(user).toEqual({ ...owner, locale: 'de', asTyped: run.email, verifiedAt: expect.any(Date) });
    await expectNothingOf(run);
    expect((await login(app, run.email)).status).toBe(200);
    // A later registration changes nothing.
    await registerStranger(run);
    expect(await app.services.database.row(readUser, { canonical: run.email })).toEqual(user);
    await expectNothingOf(run);
  });

  it('takes the address over with a change of email', async () => {
    const run: Case = { email: uniqueEmail('owner'), name: strangersName(), link: '' };
    await registerStranger(run);
    const { accessToken: token, userId } = await addLoggedInUser(app);
    const json = { newEmail: run.email, currentPassword: validPassword };
    expect((await app.send('POST', '/api/v1/users/me/email', { token, json })).status).toBe(202);
    await prove('confirm-email-change', { token: await storedLinkToken(app, userId, 'confirm_email_change') });
    await expectNothingOf(run);
    const user = await app.services.database.row(readUser, { canonical: run.email });
    expect(user).toMatchObject({ name: 'Ada Lovelace', asTyped: run.email });
  });

  it.each([
    ['magic_link', requestLink],
    ['email_code', requestCode],
  ] as const)('is not possible with a %s, which is mailed to verified addresses only', async (purpose, request) => {
    const run: Case = { email: uniqueEmail('owner'), name: strangersName(), link: '' };
    await registerStranger(run);
    expect((await request(app, run.email)).status).toBe(202);
    await expect(storedLinkToken(app, await userIdOf(app, run.email), purpose)).rejects.toThrow(purpose);
    expect(await mailsTo(app, run.email)).toEqual(['verify_email']);
  });
});
