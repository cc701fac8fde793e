/** Passkeys in a real browser, with Chromium's virtual authenticator. */
import type { CDPSession, Page } from 'playwright-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { cloneDatabase } from '../packages/server/test/support/postgres.ts';
import { startServer } from './support/server.ts';
import { pathOf, press, Site, signIn as sendSignIn } from './support/site.ts';

let site: Site;

beforeAll(async () => {
  site = await Site.open();
  return () => site.close();
});

/** A browser profile with an authenticator. */
interface Device {
  readonly page: Page;
  readonly cdp: CDPSession;
  readonly authenticatorId: string;
  readonly complaints: readonly string[];
}

/** @param hasPin false for a security key that verifies nobody. */
async function openDevice(hasPin = true): Promise<Device> {
  const complaints: string[] = [];
  const page = await site.newPage({ complaints });
  const cdp = await page.context().newCDPSession(page);
  await cdp.send('WebAuthn.enable');
  const { authenticatorId } = await cdp.send('WebAuthn.addVirtualAuthenticator', {
    options: {
      protocol: 'ctap2',
      transport: hasPin ? 'internal' : 'usb',
      hasResidentKey: hasPin,
      hasUserVerification: hasPin,
      isUserVerified: hasPin,
      automaticPresenceSimulation: true,
    },
  });
  return { page, cdp, authenticatorId, complaints };
}

const credentialsOf = async ({ cdp, authenticatorId }: Device) =>
  (await cdp.send('WebAuthn.getCredentials', { authenticatorId })).credentials;

async function signIn(page: Page, email: string): Promise<void> {
  await page.goto(`${site.origin}/login`);
  await sendSignIn(page, email);
}

async function signOut(page: Page): Promise<void> {
  await page.goto(`${site.origin}/logout`);
  await press(page, 'Sign out');
}

async function addKey({ page }: Device, kind: 'passkey' | 'security key'): Promise<void> {
  await page.goto(`${site.origin}/account/security`);
  await page.getByRole('link', { name: 'Add a passkey' }).click();
  await press(page, `Add a ${kind}`);
}

/** A person with a passkey, signed in on a device. */
async function addPasskeyUser(): Promise<{ readonly email: string; readonly device: Device }> {
  const [email, device] = [await site.addUser(), await openDevice()];
  await signIn(device.page, email);
  await device.page.waitForURL('**/account');
  await addKey(device, 'passkey');
  await device.page.waitForURL('**/account/security?done=passkey_added');
  return { email, device };
}

describe('in a browser with a passkey', () => {
  it('adds it on the account page, and signs in with the button alone', async () => {
    const { email, device } = await addPasskeyUser();
    const { page } = device;
    expect(await page.getByRole('status').innerText()).toContain('Your passkey is added');
    expect(await credentialsOf(device)).toHaveLength(1);
    await page.context().clearCookies();
    // Without the automatic answer to the autofill, which a person has to choose.
    await device.cdp.send('WebAuthn.setAutomaticPresenceSimulation', {
      authenticatorId: device.authenticatorId,
      enabled: false,
    });
    const ofAutofill = page.waitForResponse('**/login/passkey/options');
    await page.goto(`${site.origin}/login`);
    await ofAutofill;
    expect(await page.getByLabel('Email').getAttribute('autocomplete')).toBe('username webauthn');
    // The button has ended the request of the autofill, which would take the answer otherwise, and has not begun its own.
    await page.route('**/login/passkey/options', async (route) => {
      const response = await route.fetch();
      await device.cdp.send('WebAuthn.setAutomaticPresenceSimulation', {
        authenticatorId: device.authenticatorId,
        enabled: true,
      });
      await route.fulfill({ response });
    });
    await press(page, 'Sign in with a passkey');
    await page.waitForURL('**/account');
    expect(await page.getByText(email).isVisible()).toBe(true);
    expect(device.complaints).toEqual([]);
  });

  it('signs in by the autofill of the email, to the page that was asked for', async () => {
    const { device } = await addPasskeyUser();
    const { page } = device;
    await page.context().clearCookies();
    await page.goto(`${site.origin}/account/security`);
    await page.waitForURL('**/account/security');
    expect(await page.getByRole('heading', { name: 'Passkeys and security keys' }).isVisible()).toBe(true);
    expect(device.complaints).toEqual([]);
  });

  it('does not add the same authenticator twice', async () => {
    const { device } = await addPasskeyUser();
    await addKey(device, 'passkey');
    await device.page.getByText('Your passkey could not be used').waitFor();
    expect(pathOf(device.page)).toBe('/account/security/add-passkey');
    expect(await credentialsOf(device)).toHaveLength(1);
  });

  it('removes it, and the authenticator forgets it', async () => {
    const { device } = await addPasskeyUser();
    const { page } = device;
    await page.getByRole('link', { name: 'Remove' }).click();
    await press(page, 'Remove the passkey');
    await page.waitForURL('**/account/security?done=passkey_removed');
    expect(await page.getByText('A passkey signs you in').isVisible()).toBe(true);
    await expect.poll(() => credentialsOf(device)).toEqual([]);
    expect(device.complaints).toEqual([]);
  });

  it('tells the authenticator of a passkey that the server does not know', async () => {
    const { device } = await addPasskeyUser();
    const { page } = device;
    const [credential] = await credentialsOf(device);
    await page.getByRole('link', { name: 'Remove' }).click();
    await press(page, 'Remove the passkey');
    await page.waitForURL('**/account/security?done=passkey_removed');
    await page.context().clearCookies();
    await expect.poll(() => credentialsOf(device)).toEqual([]);
    if (credential === undefined) throw new Error('the authenticator had no passkey');
    await device.cdp.send('WebAuthn.addCredential', { authenticatorId: device.authenticatorId, credential });
    await page.goto(`${site.origin}/login`);
    await page.getByText('This passkey was removed from the account').waitFor();
    await expect.poll(() => credentialsOf(device)).toEqual([]);
    expect(device.complaints).toEqual([]);
  });
});

describe('in a browser with a security key that has no PIN', () => {
  it('turns two-step sign-in on, is asked for after the password, and confirms a step-up', async () => {
    const [email, device] = [await site.addUser(), await openDevice(false)];
    const { page } = device;
    await signIn(page, email);
    await page.waitForURL('**/account');
    await addKey(device, 'security key');
    await page.locator('.codes code').first().waitFor();
    expect(await page.locator('.codes code').count()).toBe(10);
    await signOut(page);
    await signIn(page, email);
    await page.waitForURL('**/login/second-factor/passkey');
    await press(page, 'Use passkey or security key');
    await page.waitForURL('**/account');
    await page.goto(`${site.origin}/step-up?continue=/account/security`);
    await page.waitForURL('**/account/security');
    expect(device.complaints).toEqual([]);
  });

  it('leads to a recovery code without it', async () => {
    const [email, device] = [await site.addUser(), await openDevice(false)];
    const { page } = device;
    await signIn(page, email);
    await page.waitForURL('**/account');
    await addKey(device, 'security key');
    const code = await page.locator('.codes code').first().innerText();
    await signOut(page);
    await signIn(page, email);
    await page.getByRole('link', { name: 'Use a recovery code' }).click();
    await page.getByLabel('Recovery code').fill(code);
    await press(page, 'Continue');
    await page.waitForURL('**/account');
  });
});

describe('in a browser without scripts', () => {
  it('the pages are complete, and show no button that does nothing', async () => {
    const email = await site.addUser();
    const page = await site.newPage({ javaScriptEnabled: false });
    await signIn(page, email);
    await page.waitForURL('**/account');
    await page.goto(`${site.origin}/account/security/add-passkey`);
    // Playwright disables scripts behind the parser's back, so that it does not render `noscript`.
    expect(await page.content()).toContain('A passkey needs JavaScript');
    expect(await page.locator('main').getByRole('button').count()).toBe(0);
    expect(await page.locator('[hidden]:visible').count()).toBe(0);
  });
});

describe('at an IP address, where browsers have no passkeys', () => {
  it('the sign-in page offers none', async () => {
    const port = new URL(site.server.url).port;
    const other = await startServer({ database: await cloneDatabase(), publicUrl: `http://127.0.0.1:${port}` });
    const page = await site.newPage();
    await page.goto(`${other.url}/login`);
    expect(await page.getByLabel('Email').getAttribute('autocomplete')).toBe('username');
    expect(await page.getByRole('button', { name: 'Sign in with a passkey' }).count()).toBe(0);
    expect(await other.stop()).toBe(0);
  });
});
