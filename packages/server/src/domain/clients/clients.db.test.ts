import { expect, it } from 'vitest';
import { addSeconds, systemClock } from '#kernel/clock.ts';
import { statement } from '#platform/database/index.ts';
import { describeOnBothDatabases } from '#test/support/databases.ts';
import { Clients, listOrigins, sessionExpiries } from './index.ts';

const configure = statement('clients_test.configure', {
  lane: 'pool',
  sql: `update clients set audience = 'https://api.example', refresh_grace_seconds = 0 where id = 'default'`,
  params: {},
  columns: {},
});

describeOnBothDatabases('clients', (database) => {
  const open = () => new Clients({ database: database(), clock: systemClock, issuer: 'https://login.example' });

  it('have a default from the first start, also when nodes start at once', async () => {
    const nodes = Array.from({ length: 5 }, open);
    await Promise.all(nodes.map((clients) => clients.load()));
    for (const clients of nodes) {
      expect(clients.default).toEqual({
        id: 'default',
        audience: 'https://login.example',
        accessTokenLifetimeSeconds: 900,
        refreshTokenLifetimeSeconds: 604_800,
        refreshGraceSeconds: 10,
        sessionIdleSeconds: 604_800,
        sessionLifetimeSeconds: 2_592_000,
        origins: [],
      });
    }
  });

  it('keep what was configured when the next node starts', async () => {
    await open().load();
    await database().run(configure, {});
    const clients = open();
    await clients.load();
    expect(clients.default).toMatchObject({ audience: 'https://api.example', refreshGraceSeconds: 0 });
  });

  it('list the origins of their pages, which another node knows when it has read them again', async () => {
    const [here, there] = [open(), open()];
    await Promise.all([here.load(), there.load()]);
    const origins = ['https://app.example', 'capacitor://localhost'];
    await database().transaction((tx) => listOrigins(tx, origins));
    expect(there.default.origins).toEqual([]);
    await there.refresh();
    expect(there.default.origins).toEqual(origins);
    await database().transaction((tx) => listOrigins(tx, []));
    await there.refresh();
    expect(there.default.origins).toEqual([]);
  });

  it('are not served before they were loaded', () => {
    expect(() => open().default).toThrow('the default client is missing');
  });

  it('say until when a session lives that is used, and one that is not', async () => {
    const clients = open();
    await clients.load();
    const now = new Date('2026-03-01T12:00:00.000Z');
    expect(sessionExpiries(clients.default, now)).toEqual({
      idleExpiresAt: addSeconds(now, 7 * 24 * 3600),
      expiresAt: addSeconds(now, 30 * 24 * 3600),
    });
  });
});
