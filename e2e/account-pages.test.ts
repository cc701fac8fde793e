/** People change their account in a real browser, with scripts and without: email and its undo, sessions, password, deletion. */
import type { Page } from 'playwright-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { follow, password, press, Site, signIn as sendSignIn } from './support/site.ts';

const newPassword = 'another, longer password';

let site: Site;

beforeAll(async () => {
  site = await Site.open();
  return () => site.close();
});

const said = (page: Page) => page.getByRole('status').first().innerText();

async function signIn(page: Page, email: string, typed = password): Promise<void> {
  await page.goto(`${site.origin}/login`);
  await sendSignIn(page, email, typed);
  await page.waitForURL('**/account');
}

describe.each([true, false])('with scripts: %s', (javaScriptEnabled) => {
  const complaints: string[] = [];

  const open = () => site.newPage({ javaScriptEnabled, complaints });

  it('changes the email, and takes the account back from the old address', async () => {
    const email = await site.addUser();
    const newEmail = `new.${email}`;
    const page = await open();
    await signIn(page, email);
    await page.goto(`${site.origin}/account/profile`);
    await follow(page, 'Change email');
    await page.getByLabel('New email').fill(newEmail);
    await press(page, 'Send the link');
    expect(await said(page)).toContain('Check the new address');
    expect(await page.getByText(newEmail).isVisible()).toBe(true);
    await page.goto(await site.mailedLink(newEmail, '/confirm-email-change'));
    await press(page, 'Yes, use this email');
    expect(await page.getByRole('heading', { name: 'Email changed' }).isVisible()).toBe(true);
    await page.goto(await site.mailedLink(email, '/undo-email-change'));
    await page.getByLabel('New password', { exact: true }).fill(newPassword);
    await press(page, 'Restore my email');
    expect(await page.getByRole('heading', { name: 'Email restored' }).isVisible()).toBe(true);
    await signIn(page, email, newPassword);
  });

  it('signs another device out, changes the password, and renames the account', async () => {
    const email = await site.addUser();
    const [page, other] = [await open(), await open()];
    await signIn(page, email);
    await signIn(other, email);
    await page.goto(`${site.origin}/account/sessions`);
    // Once among the sessions, and once among the known devices.
    expect(await page.getByText('This device').count()).toBe(2);
    await page.getByRole('button', { name: /^Sign out: / }).click();
    expect(await said(page)).toBe('The session is signed out.');
    await other.goto(`${site.origin}/account`);
    expect(new URL(other.url()).pathname).toBe('/login');
    await page.goto(`${site.origin}/account/security`);
    await follow(page, 'Change password');
    await page.getByLabel('Current password', { exact: true }).fill(password);
    await page.getByLabel('New password', { exact: true }).fill(newPassword);
    await press(page, 'Save new password');
    expect(await said(page)).toContain('Your password is changed.');
    await page.goto(`${site.origin}/account/profile`);
    await page.getByLabel('Name').fill('Grace Hopper');
    await press(page, 'Save');
    expect([await said(page), await page.getByLabel('Name').inputValue()]).toEqual(['Saved.', 'Grace Hopper']);
    await signIn(other, email, newPassword);
  });

  it('deletes the account, and keeps it after all by the mailed link', async () => {
    const email = await site.addUser();
    const page = await open();
    await signIn(page, email);
    await page.goto(`${site.origin}/account/data`);
    await follow(page, 'Delete my account');
    await page.getByLabel(`Type ${email} to confirm`).fill('something else');
    await press(page, 'Delete my account');
    expect(await page.getByRole('alert').first().isVisible()).toBe(true);
    await page.getByLabel(`Type ${email} to confirm`).fill(email);
    await press(page, 'Delete my account');
    expect(await page.getByRole('heading', { name: 'Your account will be deleted' }).isVisible()).toBe(true);
    await page.goto(await site.mailedLink(email, '/cancel-deletion'));
    await page.getByRole('button').first().click();
    await signIn(page, email);
    expect(await page.getByText(email).first().isVisible()).toBe(true);
  });

  it('opens a mail in the inbox and an example of each mail, in a frame that the policy admits', async () => {
    const email = await site.addUser();
    const page = await open();
    await page.goto(`${site.server.opsUrl}/dev/inbox?to=${encodeURIComponent(email)}`);
    await page.getByRole('link', { name: /^Confirm your email/ }).click();
    const frame = page.frameLocator('iframe.mail');
    expect(await frame.getByRole('heading', { name: 'Confirm your email' }).isVisible()).toBe(true);
    await page.goto(`${site.server.opsUrl}/dev/mails?template=new_device&locale=de`);
    expect(await page.frameLocator('iframe.mail').getByText('Gerät').first().isVisible()).toBe(true);
  });

  it('has met no error of a browser', () => {
    expect(complaints).toEqual([]);
  });
});
