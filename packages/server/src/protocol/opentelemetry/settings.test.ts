import { describe, expect, it } from 'vitest';
import { parseCollectorUrl, parseFields, parsePairs, parseRatio } from './settings.ts';

describe('parsePairs', () => {
  it('reads names and percent-encoded values', () => {
    const text = 'api-key=a%2Cb%3D, service.namespace = shop ,empty=';
    expect(parsePairs(text)).toEqual({
      kind: 'ok',
      value: { 'api-key': 'a,b=', 'service.namespace': 'shop', empty: '' },
    });
  });

  it.each(['', 'a', '=b', 'a b=c', 'a=1,a=2', 'a=%', 'a=%0d%0aX: y', 'a=1,,b=2'])('rejects %j', (text) => {
    expect(parsePairs(text)).toMatchObject({ kind: 'invalid' });
  });
});

describe('parseFields', () => {
  it('reads what a header field can have, and rejects the rest', () => {
    expect(parseFields('a=b%20%C3%A9')).toEqual({ kind: 'ok', value: { a: 'b é' } });
    expect(parseFields('a=%E2%82%AC')).toMatchObject({ kind: 'invalid' });
    expect(parseFields('a')).toMatchObject({ kind: 'invalid' });
  });
});

describe('parseCollectorUrl', () => {
  it.each([
    ['http://otel-collector:4318', 'http://otel-collector:4318'],
    ['https://otlp.example.com/v1/', 'https://otlp.example.com/v1'],
  ])('reads %s', (text, value) => {
    expect(parseCollectorUrl(text)).toEqual({ kind: 'ok', value });
  });

  it.each(['', 'otel-collector:4318', 'grpc://x', 'http://user:pw@x', 'http://x/?key=1', 'http://x y'])(
    'rejects %j',
    (text) => {
      expect(parseCollectorUrl(text)).toMatchObject({ kind: 'invalid' });
    },
  );

  it('rejects a host that its ASCII form makes too long', () => {
    expect(parseCollectorUrl(`https://${'ép.'.repeat(1900)}example`)).toMatchObject({ kind: 'invalid' });
  });
});

describe('parseRatio', () => {
  it.each([
    ['0', 0],
    ['1', 1],
    ['0.25', 0.25],
    ['.5', 0.5],
    ['1.0', 1],
  ])('reads %s', (text, value) => {
    expect(parseRatio(text)).toEqual({ kind: 'ok', value });
  });

  it.each(['', '2', '1.5', '-1', '1e-3', 'all'])('rejects %j', (text) => {
    expect(parseRatio(text)).toMatchObject({ kind: 'invalid' });
  });
});
