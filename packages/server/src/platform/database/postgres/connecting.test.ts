import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import fc from 'fast-check';
import { Client, types } from 'pg';
import { describe, expect, it } from 'vitest';
import { clientConfig, readTimestamp } from './connecting.ts';

const timestamptz = 1184;
const readByDriver = types.getTypeParser(timestamptz) as (text: string) => Date;

describe('readTimestamp', () => {
  it('reads the timestamps that PostgreSQL writes in UTC, to the millisecond', () => {
    fc.assert(
      fc.property(
        fc.date({ min: new Date('0001-01-01T00:00:00Z'), max: new Date('9999-12-31T23:59:59Z'), noInvalidDate: true }),
        fc.integer({ min: 0, max: 6 }),
        (date, digits) => {
          const [day, time] = date.toISOString().slice(0, 19).split('T');
          const fraction =
            digits === 0
              ? ''
              : `.${String(date.getUTCMilliseconds()).padStart(3, '0').padEnd(6, '5').slice(0, digits)}`;
          const text = `${day} ${time}${fraction}+00`;
          expect(readTimestamp(text)).toEqual(readByDriver(text));
        },
      ),
    );
  });

  it.each(['infinity', '0044-03-15 12:00:00+00 BC', '2026-01-01 00:00:00+05:30', '12026-01-01 00:00:00+00'])(
    'reads %s as the driver does',
    (text) => {
      expect(readTimestamp(text)).toEqual(readByDriver(text));
    },
  );
});

describe('the password of a connection', () => {
  it('is the one of the moment at which it is opened', async () => {
    const passwords: string[] = [];
    // PostgreSQL 15, "Message Flow": asks for the password in clear text, and rejects it.
    const server = createServer((socket) => {
      socket.once('data', () => {
        socket.write(Buffer.from('520000000800000003', 'hex'));
        socket.once('data', (message) => {
          passwords.push(message.subarray(5, -1).toString());
          socket.end(Buffer.concat([Buffer.from('450000001a', 'hex'), Buffer.from('SFATAL\0C28P01\0Mno\0\0\0')]));
        });
      });
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    let password = 'hunter1';
    const tls = { mode: 'disable' } as const;
    const host = { host: '127.0.0.1', port };
    const login = { user: 'a', password, database: 'a', options: undefined, channelBinding: false, tls };
    const config = clientConfig(
      { ...login, ...host },
      { server: { ...login, hosts: [host] }, currentPassword: () => password, applicationName: 'test' },
    );
    for (const each of ['hunter1', 'hunter2']) {
      password = each;
      await expect(new Client(config).connect()).rejects.toThrow();
    }
    expect(passwords).toEqual(['hunter1', 'hunter2']);
    server.close();
  });
});
