import { beforeAll, describe, expect, it } from 'vitest';
import { FixedClock } from '#kernel/clock.ts';
import { Application } from '#test/support/application.ts';

let app: Application;
let unconfigured: Application;

beforeAll(async () => {
  app = await Application.open({
    time: new FixedClock(new Date('2030-01-01T00:00:00.500Z')),
    env: {
      LATCHKEY_PUBLIC_URL: 'https://login.example.com',
      LATCHKEY_SECURITY_CONTACT: 'mailto:security@example.com,https://example.com/report',
      LATCHKEY_CHANGE_PASSWORD_URL: 'https://app.example.com/account/password?from=manager',
    },
  });
  unconfigured = await Application.open({ env: { LATCHKEY_SECURITY_CONTACT: '', LATCHKEY_CHANGE_PASSWORD_URL: '' } });
  return async () => {
    await unconfigured.close();
    await app.close();
  };
});

describe('GET /.well-known/security.txt', () => {
  it('200 with the contacts in order, an expiry that moves with the clock, and the canonical URL', async () => {
    const read = async () => {
      const { status, headers, text } = await app.send('GET', '/.well-known/security.txt');
      expect([status, headers.get('content-type')]).toEqual([200, 'text/plain; charset=utf-8']);
      return text;
    };
    const lines = (expires: string) =>
      [
        'Contact: mailto:security@example.com',
        'Contact: https://example.com/report',
        `Expires: ${expires}`,
        'Canonical: https://login.example.com/.well-known/security.txt',
        '',
      ].join('\n');
    expect(await read()).toBe(lines('2030-06-30T00:00:00Z'));
    app.clock.advance(24 * 3600 * 1000);
    expect(await read()).toBe(lines('2030-07-01T00:00:00Z'));
  });

  it('404 without a configured contact', async () => {
    expect((await unconfigured.send('GET', '/.well-known/security.txt')).status).toBe(404);
  });
});

describe('GET /.well-known/change-password', () => {
  it('303 to the configured page for any query', async () => {
    for (const query of ['', '?to=https://elsewhere.example', '?url=//elsewhere.example']) {
      const { status, headers, text } = await app.send('GET', `/.well-known/change-password${query}`);
      const location = 'https://app.example.com/account/password?from=manager';
      expect([status, headers.get('location'), text]).toEqual([303, location, '']);
    }
  });

  it('404 without a configured page', async () => {
    expect((await unconfigured.send('GET', '/.well-known/change-password')).status).toBe(404);
  });
});
