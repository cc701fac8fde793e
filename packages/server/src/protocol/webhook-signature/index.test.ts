import { createSecretKey } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { webhookHeaders } from './index.ts';

const key = createSecretKey('MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', 'base64');

describe('webhookHeaders', () => {
  it('signs the example message of Standard Webhooks', () => {
    const sentAt = new Date(1_614_265_330_000);
    const message = { id: 'msg_p5jXN8AQM9LWM0D4loKWxJek', sentAt, body: '{"test": 2432232314}' };
    expect(webhookHeaders(message, key)).toEqual({
      'webhook-id': 'msg_p5jXN8AQM9LWM0D4loKWxJek',
      'webhook-timestamp': '1614265330',
      'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
    });
  });

  it('covers each part: another id, second, body or key changes the signature', () => {
    const seconds = fc.integer({ min: 0, max: 4_000_000_000 });
    const message = fc.record({ id: fc.uuid(), seconds, body: fc.string({ unit: 'grapheme' }) });
    const sign = ({ id, seconds: at, body }: { id: string; seconds: number; body: string }, by = key) =>
      webhookHeaders({ id, sentAt: new Date(at * 1000 + 999), body }, by)['webhook-signature'];
    fc.assert(
      fc.property(message, message, (one, other) => {
        fc.pre(JSON.stringify(one) !== JSON.stringify(other));
        expect(sign(one)).not.toBe(sign(other));
        expect(sign(one)).not.toBe(sign(one, createSecretKey(Buffer.alloc(32, 1))));
      }),
    );
  });
});
