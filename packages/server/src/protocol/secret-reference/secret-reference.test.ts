import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseSecretReference } from './index.ts';

const arn = 'arn:aws-us-gov:secretsmanager:us-gov-west-1:123456789012:secret:latchkey/kek-AbCdEf';

describe('a reference to a secret', () => {
  it.each([
    ['file:/run/secrets/kek', { kind: 'file', path: '/run/secrets/kek' }],
    ['file:kek', { kind: 'file', path: 'kek' }],
    ['env:KEK_2', { kind: 'env', name: 'KEK_2' }],
    ['vault:secret/latchkey#kek', { kind: 'vault', mount: 'secret', path: 'latchkey', field: 'kek' }],
    ['vault:kv/a b/c#x#y', { kind: 'vault', mount: 'kv', path: 'a b/c', field: 'x#y' }],
    ['aws-sm:prod/kek', { kind: 'aws-sm', name: 'prod/kek', region: undefined, field: undefined }],
    [`aws-sm:${arn}#value`, { kind: 'aws-sm', name: arn, region: 'us-gov-west-1', field: 'value' }],
    ['gcp-sm:kek', { kind: 'gcp-sm', project: undefined, name: 'kek', version: 'latest', field: undefined }],
    ['gcp-sm:kek/versions/3', { kind: 'gcp-sm', name: 'kek', version: '3' }],
    [
      'gcp-sm:projects/example.com:acme/secrets/kek/versions/7#url',
      { kind: 'gcp-sm', project: 'example.com:acme', name: 'kek', version: '7', field: 'url' },
    ],
  ])('%s is read', (text, value) => {
    expect(parseSecretReference(text)).toMatchObject({ kind: 'ok', value });
  });

  it.each([
    'file:',
    'env:',
    'env:A-B',
    'env:1A',
    'vault:secret#x',
    'vault:secret/#x',
    'vault:/secret/a#x',
    'vault:secret/a/../../sys/x#x',
    'vault:secret/a%2f..#x',
    'vault:secret/a?b#x',
    'vault:secret/a',
    'vault:secret/a#',
    'aws-sm:',
    'aws-sm:a b',
    'aws-sm:name#',
    'aws-sm:arn:aws:s3:::bucket',
    'gcp-sm:',
    'gcp-sm:a/b',
    'gcp-sm:projects/a/locations/eu/secrets/b',
    'gcp-sm:name#',
  ])('%j is rejected', (text) => {
    expect(parseSecretReference(text)).toMatchObject({ kind: 'invalid' });
  });

  it.each(['postgres://a/b', 'hunter2', '', 'File:/x', ' file:/x', 'gcp:kek', 'vault'])('%j is none', (text) => {
    expect(parseSecretReference(text)).toBeUndefined();
  });

  it('never quotes the text', () => {
    const prefix = fc.constantFrom('file:', 'env:', 'vault:', 'aws-sm:', 'gcp-sm:');
    fc.assert(
      fc.property(prefix, fc.string(), (start, rest) => {
        const result = parseSecretReference(`${start}hunter2 ${rest}`);
        expect(result).toBeDefined();
        if (result?.kind === 'invalid') expect(result.reason).not.toContain('hunter2');
      }),
    );
  });
});
