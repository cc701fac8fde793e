import { createTransport } from 'nodemailer';
import { describe, expect, it } from 'vitest';
import { startSmtpSink } from '../../../../e2e/support/smtp-sink.ts';

const link = `http://localhost:5625/verify-email?token=lk_ot_${'Ab3=é'.repeat(30)}`.replaceAll('é', 'e');

async function send(url: string, to: string, encoding: 'quoted-printable' | 'base64'): Promise<void> {
  const transport = createTransport(url);
  const html = `<p>Grüße</p><a href="${link.replace('?', '?a=1&amp;')}">press</a>`;
  await transport.sendMail({
    from: 'a@example.com',
    to,
    text: `Grüße\n${link}\n`,
    html,
    textEncoding: encoding,
    messageId: '<1@x.example>',
  });
  transport.close();
}

describe('the SMTP sink', () => {
  it.each(['quoted-printable', 'base64'] as const)(
    'parses id, recipient and links of a message in %s',
    async (encoding) => {
      const sink = await startSmtpSink();
      await send(sink.url, 'Ada@example.com', encoding);
      const [line] = sink.acceptedFor('ada@example.com');
      expect(line).toMatchObject({ number: 1, to: 'Ada@example.com', verdict: 'accepted', messageId: '<1@x.example>' });
      expect(line?.links).toEqual([link, link.replace('?', '?a=1&')]);
      await sink.close();
    },
  );

  it('rejects every n-th attempt with 451 and records it', async () => {
    const sink = await startSmtpSink({ refuseEvery: 2 });
    await send(sink.url, 'ada@example.com', 'base64');
    await expect(send(sink.url, 'ada@example.com', 'base64')).rejects.toMatchObject({ responseCode: 451 });
    await send(sink.url, 'ada@example.com', 'base64');
    expect(sink.lines.map(({ verdict }) => verdict)).toEqual(['accepted', 'refused', 'accepted']);
    await sink.close();
  });
});
