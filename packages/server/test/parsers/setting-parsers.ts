/** The functions that parse the operator's settings. A file or an environment can contain anything. */
import assert from 'node:assert/strict';
import type { Parsed } from '#kernel/parsed.ts';
import { parseBrandLink, parseServiceName } from '#protocol/brand/index.ts';
import { parsePostgresUrl, parseRedisUrl, parseReplicaUrl, parseSmtpUrl } from '#protocol/connection-url/index.ts';
import { isBelowDomain, parseCookieDomain, sharesCookies } from '#protocol/cookie-domain/index.ts';
import { formatMailbox, parseMailbox } from '#protocol/mailbox/index.ts';
import { cidrContains, formatCidr, parseProxyRange } from '#protocol/network-address/index.ts';
import { parseCollectorUrl, parseFields, parsePairs, parseRatio } from '#protocol/opentelemetry/index.ts';
import { readDestination } from '#protocol/outbound-url/index.ts';
import { parsePasskeyOrigin, parseRpId } from '#protocol/passkey-origin/index.ts';
import { formatQuota, parseQuota } from '#protocol/quota/index.ts';
import { parseSecretReference, type SecretReference } from '#protocol/secret-reference/index.ts';
import { parseSentryDsn } from '#protocol/sentry-dsn/index.ts';
import { parseAccent } from '#protocol/theme/index.ts';
import type { Parser } from './parser.ts';

const authorities = ['user:p%40ss@db.example:5432', '[::1]:6379', 'db.example', '127.0.0.1:25'];

/** Whether a text was parsed. A refusal says why in a sentence. */
function isParsed<T>(result: Parsed<T>, check: (value: T) => void): boolean {
  if (result.kind === 'invalid') {
    assert.notEqual(result.reason, '');
    return false;
  }
  check(result.value);
  return true;
}

const checkNames = (values: Readonly<Record<string, string>>) => {
  for (const name of Object.keys(values)) assert.match(name, /^\S+$/);
};

/** Nothing of a path leads out of the mount of Vault. */
const checkReference = (reference: SecretReference) => {
  if (reference.kind === 'vault') assert.doesNotMatch(`/${reference.path}/`, /\/\.{0,2}\/|[?#%\\]/);
};

const checkPort = ({ port }: { readonly port: number }) => assert.ok(port >= 1 && port <= 65_535);

export const settingParsers: readonly Parser[] = [
  {
    module: 'connection-url',
    name: 'parsePostgresUrl',
    examples: authorities.flatMap((each) => [
      `postgres://${each}/latchkey`,
      `postgresql://${each},[2001:db8::2],db2:6000/a?sslmode=require`,
    ]),
    read: ({ text }) => isParsed(parsePostgresUrl(text), ({ hosts }) => hosts.forEach(checkPort)),
  },
  {
    module: 'connection-url',
    name: 'parseReplicaUrl',
    examples: authorities.map((each) => `postgres://${each}/a?target_session_attrs=standby`),
    read: ({ text }) => isParsed(parseReplicaUrl(text), ({ hosts }) => hosts.forEach(checkPort)),
  },
  {
    module: 'connection-url',
    name: 'parseRedisUrl',
    examples: authorities.flatMap((each) => [
      `redis://${each}/3`,
      `rediss://${each}`,
      `redis+sentinel://${each},s2:26380/name/1?sentinel_password=a`,
    ]),
    read: ({ text }) =>
      isParsed(parseRedisUrl(text), (server) =>
        (server.kind === 'server' ? [server] : server.sentinels).forEach(checkPort),
      ),
  },
  {
    module: 'connection-url',
    name: 'parseSmtpUrl',
    examples: authorities.flatMap((each) => [`smtp://${each}?tls=none`, `smtps://${each}`]),
    read: ({ text }) => isParsed(parseSmtpUrl(text), checkPort),
  },
  {
    module: 'secret-reference',
    name: 'parseSecretReference',
    examples: [
      'file:/run/secrets/kek',
      'env:KEK_2',
      'vault:secret/latchkey/prod#kek',
      'aws-sm:arn:aws:secretsmanager:eu-west-1:123456789012:secret:latchkey/kek-AbCdEf#value',
      'gcp-sm:projects/acme/secrets/kek/versions/3#value',
    ],
    read: ({ text }) => {
      const reference = parseSecretReference(text);
      // Without a prefix the text is the secret itself.
      return reference !== undefined && isParsed(reference, checkReference);
    },
  },
  {
    module: 'opentelemetry',
    name: 'parsePairs',
    examples: ['a=b', 'api-key=x%2C, service.namespace=shop', 'a='],
    read: ({ text }) => isParsed(parsePairs(text), checkNames),
  },
  {
    module: 'opentelemetry',
    name: 'parseFields',
    examples: ['authorization=Bearer%20x', 'a=%C3%A9'],
    read: ({ text }) => isParsed(parseFields(text), (fields) => void new Headers(fields)),
  },
  {
    module: 'opentelemetry',
    name: 'parseCollectorUrl',
    examples: ['http://otel-collector:4318', 'https://otlp.example.com/v1'],
    read: ({ text }) => isParsed(parseCollectorUrl(text), (url) => assert.ok(URL.canParse(`${url}/v1/traces`))),
  },
  {
    module: 'opentelemetry',
    name: 'parseRatio',
    examples: ['0', '1', '0.25', '.5'],
    read: ({ text }) => isParsed(parseRatio(text), (ratio) => assert.ok(ratio >= 0 && ratio <= 1)),
  },
  {
    module: 'sentry-dsn',
    name: 'parseSentryDsn',
    examples: ['https://abc@o1.sentry.example/42', 'http://abc:def@127.0.0.1:9000/path/7'],
    read: ({ text }) =>
      isParsed(parseSentryDsn(text), ({ envelopeUrl, dsn }) => {
        assert.match(new URL(envelopeUrl).pathname, /\/api\/[0-9]+\/envelope\/$/);
        assert.equal(new URL(dsn).password, '');
      }),
  },
  {
    module: 'cookie-domain',
    name: 'parseCookieDomain',
    examples: ['example.com', '.people.example', 'b\u00fccher.example', 'co.uk'],
    read: ({ text }) =>
      isParsed(parseCookieDomain(text), (domain) => {
        assert.match(domain, /^[a-z0-9.-]{3,253}$/);
        assert.deepEqual(parseCookieDomain(domain), { kind: 'ok', value: domain });
      }),
  },
  {
    module: 'brand',
    name: 'parseServiceName',
    examples: ['Acme', '  Acme & S\u00f6hne: <b>', '\u682a\u5f0f\u4f1a\u793e'],
    read: ({ text }) =>
      isParsed(parseServiceName(text), (name) => {
        assert.ok(name.length > 0 && name.length <= 80 && !/[\p{Cc}\u2028\u2029]/u.test(name));
      }),
  },
  {
    module: 'brand',
    name: 'parseBrandLink',
    examples: [
      'privacy=https://people.example/privacy',
      'help=https://people.example',
      'terms=https://people.example/?a=b',
    ],
    read: ({ text }) => isParsed(parseBrandLink(text), ({ url }) => assert.match(url, /^https:\/\/[^\s"<>]+$/)),
  },
  {
    module: 'theme',
    name: 'parseAccent',
    examples: ['#0f766e', '#FFCC00'],
    read: ({ text }) => isParsed(parseAccent(text), (accent) => assert.match(accent, /^#[0-9a-f]{6}$/)),
  },
  {
    module: 'passkey-origin',
    name: 'parsePasskeyOrigin',
    examples: ['https://app.people.example:8443', 'http://localhost:3000', `android:apk-key-hash:${'x'.repeat(43)}`],
    read: ({ text }) => isParsed(parsePasskeyOrigin(text), (origin) => assert.equal(origin, text)),
  },
  {
    module: 'passkey-origin',
    name: 'parseRpId',
    examples: ['people.example', 'localhost', 'b\u00fccher.example', 'co.uk'],
    read: ({ text }) => isParsed(parseRpId(text), (rpId) => assert.match(rpId, /^[a-z0-9.-]{3,253}$/)),
  },
  {
    module: 'cookie-domain',
    name: 'sharesCookies',
    examples: ['https://app.people.example', 'https://people.example:8443'],
    read: ({ text }) => sharesCookies(text, 'people.example'),
  },
  {
    module: 'cookie-domain',
    name: 'isBelowDomain',
    examples: ['app.people.example'],
    read: ({ text }) => isBelowDomain(text, 'people.example'),
  },
  {
    module: 'mailbox',
    name: 'parseMailbox',
    examples: ['Acme <no-reply@acme.example>', '"Doe, Jane" <jane@acme.example>', 'post@b\u00fccher.example'],
    read: ({ text }) =>
      isParsed(parseMailbox(text), (mailbox) => {
        const again = parseMailbox(formatMailbox(mailbox));
        assert.deepEqual(again, { kind: 'ok', value: { ...mailbox, name: mailbox.name } });
      }),
  },
  {
    module: 'network-address',
    name: 'parseProxyRange',
    examples: ['10.0.0.0/8', '2001:db8::/32', '192.0.2.1', '172.17.0.1/16'],
    read: ({ text }) =>
      isParsed(parseProxyRange(text), (cidr) => {
        assert.ok(cidrContains(cidr, cidr.network));
        assert.deepEqual(parseProxyRange(formatCidr(cidr)), { kind: 'ok', value: cidr });
      }),
  },
  {
    module: 'outbound-url',
    name: 'readDestination',
    examples: ['https://hooks.example/register?a=b', 'https://203.0.113.7:8443/x', 'https://10.0.0.1/'],
    read: ({ text }) => {
      const destination = readDestination(text, { allowPrivate: false, production: true });
      if (destination.kind === 'refused') return false;
      assert.equal(destination.url.protocol, 'https:');
      return true;
    },
  },
  {
    module: 'quota',
    name: 'parseQuota',
    examples: ['100/15m', '5/h', '600/900s'],
    read: ({ text }) =>
      isParsed(parseQuota(text), (quota) => {
        assert.ok(quota.limit > 0 && quota.windowSeconds > 0);
        assert.deepEqual(parseQuota(formatQuota(quota)), { kind: 'ok', value: quota });
      }),
  },
];
