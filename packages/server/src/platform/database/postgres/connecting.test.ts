import fc from 'fast-check';
import { types } from 'pg';
import { describe, expect, it } from 'vitest';
import { readTimestamp } from './connecting.ts';

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
