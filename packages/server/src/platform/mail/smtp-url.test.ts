import { describe, expect, it } from 'vitest';
import { parseSmtpUrl } from './smtp-url.ts';

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
    ['smtp://user%40example.com:p%3Aa%2Fss@mail.example.com', { auth: { user: 'user@example.com', pass: 'p:a/ss' } }],
  ])('parses %s', (text, server) => {
    expect(parseSmtpUrl(text)).toMatchObject({ kind: 'ok', server });
  });

  it.each([
    'mail.example.com',
    'http://mail.example.com',
    'smtp:///path',
    'smtp://mail.example.com/path',
    'smtp://mail.example.com?secure=true',
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
