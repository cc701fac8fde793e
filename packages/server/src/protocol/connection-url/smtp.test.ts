import { describe, expect, it } from 'vitest';
import { parseSmtpUrl } from './index.ts';

describe('parseSmtpUrl', () => {
  it.each([
    ['smtps://mail.example.com', { host: 'mail.example.com', port: 465, tls: 'implicit', auth: null }],
    ['smtp://mail.example.com', { host: 'mail.example.com', port: 587, tls: 'required', auth: null }],
    ['smtp://mail.example.com:25/?tls=opportunistic', { port: 25, tls: 'opportunistic' }],
    ['smtp://mail.example.com?tls=none', { tls: 'none' }],
    ['smtp://localhost:1025', { host: 'localhost', port: 1025, tls: 'none' }],
    ['smtp://[::1]:1025', { host: '::1', tls: 'none' }],
    ['smtp://127.0.0.2:1025?tls=required', { tls: 'required' }],
    ['smtp://127.evil.example:1025', { tls: 'required' }],
    ['smtp://mail_relay:25?tls=none', { host: 'mail_relay', port: 25 }],
    ['smtp://bücher.example', { host: 'xn--bcher-kva.example', tls: 'required' }],
    ['SMTP://Mail.Example.com', { host: 'mail.example.com', port: 587 }],
    ['smtp://user:a@b|{^}@mail.example.com', { host: 'mail.example.com', auth: { user: 'user', pass: 'a@b|{^}' } }],
    ['smtp://user%40example.com:p%3Aa%2Fss@mail.example.com', { auth: { user: 'user@example.com', pass: 'p:a/ss' } }],
  ])('parses %s', (text, server) => {
    expect(parseSmtpUrl(text)).toMatchObject({ kind: 'ok', value: server });
  });

  it.each([
    'mail.example.com',
    'http://mail.example.com',
    'smtp:///path',
    'smtp://mail.example.com/path',
    'smtp://mail.example.com?secure=false',
    'smtp://mail.example.com?tls=none&tls=required',
    'smtp://mail.example.com:0',
    'smtp://mail.example.com:65536',
    'smtp://mail example.com',
    'smtp://mail.example.com,mail2.example.com',
    'smtp://[::1',
    'smtp://user:100%@mail.example.com',
    'smtp://user:a/secret@mail.example.com',
    'smtp://%2Fvar%2Frun%2Fsmtp',
    'smtp://mail.example.com?tls=maybe',
    'smtps://mail.example.com?tls=none',
    'smtp://user@mail.example.com',
    'smtp://:secret@mail.example.com',
    'smtp://user:%zz@mail.example.com',
    'smtp://user:sec#ret@mail.example.com',
  ])('rejects %s without quoting it', (text) => {
    const result = parseSmtpUrl(text);
    expect(result.kind).toBe('invalid');
    expect(JSON.stringify(result)).not.toMatch(/mail\.example|secret/);
  });
});
