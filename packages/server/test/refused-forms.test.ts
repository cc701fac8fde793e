/**
 * Every form of every page, over its quotas and without the database: it is shown again with what was typed, except passwords and
 * codes, or its page has the way back to it.
 */
import { beforeAll, describe, expect, it } from 'vitest';
import { present } from '#kernel/assert.ts';
import { reachPages, type Visit } from '../../../e2e/support/page-visits.ts';
import { type FilledForm, formsOf, typedSecrets } from './refused-forms/forms.ts';
import { furtherStates } from './refused-forms/pages-with-forms.ts';
import { Application, type AppResponse } from './support/application.ts';
import { loginMethodsEnabled } from './support/login-by-mail.ts';
import { sharedProvider, stopSharedProvider } from './support/shared-provider.ts';
import { startTcpForwarder, type TcpForwarder } from './support/tcp-forwarder.ts';
import { cookieHeader, sameOrigin } from './support/user-actions.ts';
import { eventually } from './support/wait.ts';

interface ShownForm extends FilledForm {
  readonly name: string;
  readonly cookie: string;
  readonly userId: string | undefined;
}

let app: Application;
/** Another node of the deployment, whose quotas are used up. */
let limited: Application;
/** Another node, whose database goes away. */
let cutOff: Application;
let forwarder: TcpForwarder;
let forms: readonly ShownForm[];
/** The paths of buttons that stand on the page of another flow, with nothing typed: the problem has a page of its own. */
let buttons: ReadonlySet<string>;
let providerId: string;

beforeAll(async () => {
  app = await Application.open({ env: loginMethodsEnabled });
  const low = {
    LATCHKEY_LIMIT_PAGES: '60/15m',
    LATCHKEY_LIMIT_CREDENTIAL_ADDRESS: '1/15m',
    LATCHKEY_LIMIT_MAIL_ADDRESS: '1/15m',
  };
  limited = await Application.open({ env: { ...loginMethodsEnabled, ...low }, deploymentOf: app });
  const database = new URL(app.deployment.DATABASE_URL ?? '');
  forwarder = await startTcpForwarder(Number(database.port));
  const url = Object.assign(database, { hostname: '127.0.0.1', port: String(forwarder.port) }).href;
  cutOff = await Application.open({ env: { ...loginMethodsEnabled, DATABASE_URL: url }, deploymentOf: app });
  forms = await allForms([...(await reachPages(app)), ...(await furtherStates(app))]);
  providerId = (await sharedProvider(app)).id;
  buttons = new Set(['/account/connections/connect', `/login/with/${providerId}`]);
  // Each node reads the providers every 30 s.
  for (const node of [limited, cutOff]) await node.services.identityProviders.refresh();
  return async () => {
    await limited.close();
    await cutOff.close();
    await stopSharedProvider(app);
    await app.close();
  };
}, 240_000);

async function allForms(visits: readonly Visit[]): Promise<ShownForm[]> {
  const found: ShownForm[] = [];
  for (const { name, path, cookie, text } of visits) {
    const shown = text === undefined ? await app.send('GET', path, { headers: { cookie } }) : undefined;
    const cookies = [cookie, cookieHeader(shown?.cookies ?? [])].filter((each) => each !== '').join('; ');
    const userId = await userIdOf(cookies);
    for (const form of formsOf(shown?.text ?? text ?? '')) found.push({ ...form, name, cookie: cookies, userId });
  }
  return found;
}

async function userIdOf(cookie: string): Promise<string | undefined> {
  const { data } = await app.send<{ readonly userId: string } | undefined>('GET', '/api/v1/auth/session', { cookie });
  return data?.userId;
}

function send(to: Application, { action, sent, cookie }: ShownForm, peerAddress: string): Promise<AppResponse> {
  return to.send('POST', action, { form: sent, peerAddress, headers: { ...sameOrigin, cookie } });
}

/** Uses up every quota that a form of this sender may count in. */
async function exhaust({ services: { limits } }: Application, peerAddress: string, userId: string | undefined) {
  const address = limits.bucketOf(peerAddress);
  for (const key of [address, ...(userId === undefined ? [] : [userId])]) {
    while (limits.use('pages', key).retryAfterSeconds === undefined);
  }
  for (const name of ['credential', 'mail'] as const) {
    await limits.useShared(name, { address, identifier: undefined }).take();
  }
}

/** Faults of the response to a form that was refused. */
function faultsOf({ status, headers, text }: AppResponse, form: ShownForm, expected: number): string[] {
  const isShown = text.includes(`<form method="post" action="${form.action}"`);
  const lost = Object.entries(form.typed).filter(([name, value]) => !keeps(text, name, value));
  const repeated = Object.values(typedSecrets).filter((secret) => text.includes(secret));
  return [
    ...(status === expected ? [] : [`the status is ${status}`]),
    ...(headers.has('retry-after') ? [] : ['no Retry-After']),
    ...(text.includes('role="alert"') ? [] : ['no reason']),
    ...(isShown ? lost.map(([name]) => `"${name}" is lost`) : ['no form']),
    ...repeated.map((secret) => `repeats "${secret}"`),
  ];
}

function keeps(text: string, name: string, value: string): boolean {
  const inputs = [...text.matchAll(/<input [^>]*>/g)].map(([input]) => input);
  if (inputs.some((input) => input.includes(` name="${name}"`) && input.includes(` value="${value}"`))) return true;
  return new RegExp(`<option value="${value}"[^>]* selected`).test(text);
}

const nameOf = ({ name, action, sent }: ShownForm) =>
  `${action} ${sent.act ?? sent.choice ?? sent.answer ?? ''} of ${name}`;

it('every form of every page is found', () => {
  const declared = app.endpoints.filter(
    (endpoint) =>
      endpoint.kind === 'page' && endpoint.method === 'POST' && !endpoint.loopbackOnly && !endpoint.foreignForm,
  );
  const found = new Set(forms.map(({ action }) => action));
  const paths = declared.map(({ path }) => path.replace('{provider}', providerId));
  expect([...found].sort()).toEqual(paths.sort());
});

it('a form over its quota is shown again, with the wait and what was typed', async () => {
  const faults: Record<string, readonly string[]> = {};
  for (const [index, form] of forms.entries()) {
    const peerAddress = `198.51.${100 + (index >> 8)}.${index % 256}`;
    await exhaust(limited, peerAddress, form.userId);
    const response = await send(limited, form, peerAddress);
    const wrong = buttons.has(form.action) ? refusalFaults(response, 429) : faultsOf(response, form, 429);
    if (wrong.length > 0) faults[nameOf(form)] = wrong;
  }
  expect(faults).toEqual({});
});

it('a sender far over the quota gets a page that reads nothing', async () => {
  const form = present(
    forms.find(({ action }) => action === '/forgot-password'),
    'the form',
  );
  const peerAddress = '203.0.113.9';
  await exhaust(limited, peerAddress, undefined);
  const texts: string[] = [];
  for (let time = 0; time < 61; time += 1) texts.push((await send(limited, form, peerAddress)).text);
  expect(texts.filter((text) => text.includes('name="email"'))).toHaveLength(60);
  expect(texts.at(-1)).toContain('A short break is needed');
});

describe('without the database', () => {
  beforeAll(async () => {
    await forwarder[Symbol.asyncDispose]();
    const isAway = async () => (await cutOff.send('GET', '/readyz')).status === 503;
    await eventually(isAway, { what: 'the node knows that its database is away' });
  });

  /** Their pages read nothing. */
  const independent: ReadonlySet<string> = new Set([
    '/forgot-password',
    '/login',
    '/login/email-code',
    '/login/passkey',
    '/register',
    '/resend-verification',
  ]);

  it('a form is shown again, or its page leads back to it', async () => {
    const responses = await Promise.all(forms.map((form) => send(cutOff, form, '127.0.0.1')));
    const faults: Record<string, readonly string[]> = {};
    for (const [index, form] of forms.entries()) {
      const response = present(responses[index], 'the response');
      const wrong = independent.has(form.action) ? faultsOf(response, form, 503) : problemFaults(response, form);
      if (wrong.length > 0) faults[nameOf(form)] = wrong;
    }
    expect(faults).toEqual({});
  });
});

/** A page with the way back keeps what names its thing. */
function problemFaults({ status, headers, text }: AppResponse, { sent }: ShownForm): string[] {
  const [, address = ''] = /<a class="button" href="([^"]*)">/.exec(text) ?? [];
  const query = new URLSearchParams(address.replaceAll('&amp;', '&'));
  const lost = ['token', 'id'].filter((name) => sent[name] !== undefined && query.get(name) !== sent[name]);
  return [...refusalFaults({ status, headers }, 503), ...lost.map((name) => `"${name}" is lost`)];
}

function refusalFaults({ status, headers }: Pick<AppResponse, 'status' | 'headers'>, expected: number): string[] {
  return [
    ...(status === expected ? [] : [`the status is ${status}`]),
    ...(headers.has('retry-after') ? [] : ['no Retry-After']),
  ];
}
