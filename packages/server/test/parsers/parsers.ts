/** Every function that parses untrusted input, with examples and assertions on accepted values. */
import assert from 'node:assert/strict';
import { wantedLanguages } from '#protocol/accept-language/index.ts';
import { canonicalJson, type JsonValue } from '#protocol/canonical-json/index.ts';
import { parseEmailAddress } from '#protocol/email-address/index.ts';
import { allowsAddress } from '#protocol/email-domains/index.ts';
import { parseCompactJws } from '#protocol/jose/compact-jws.ts';
import { joseSignatureFromDer } from '#protocol/jose/ecdsa-signature.ts';
import {
  generateSigningKeyPair,
  importVerifyKey,
  type PublicJwk,
  parseForeignHeader,
  signJwt,
  verifyJwt,
} from '#protocol/jose/index.ts';
import {
  addressBucket,
  cidrContains,
  clientAddress,
  formatAddress,
  isGlobal,
  isLoopback,
  isTrustedPeer,
  parseAddress,
  parseCidr,
} from '#protocol/network-address/index.ts';
import {
  acceptsImportedHash,
  formatPhc,
  isAffordable,
  needsRehash,
  parsePasswordHash,
  parsePhc,
  phcOfKeycloak,
} from '#protocol/password-hash/index.ts';
import { formatSecret, parseSecret, secretPrefixes } from '#protocol/secret-token/index.ts';
import { parseStrictJson } from '#protocol/strict-json/index.ts';
import { acceptText, displayName, escapeUnprintable, oneLine } from '#protocol/untrusted-text/index.ts';
import { describeUserAgent } from '#protocol/user-agent/index.ts';
import { allOldHashVectors } from '../support/old-hash-vectors.ts';
import { documents, httpParsers } from './http-parsers.ts';
import type { Parser } from './parser.ts';
import { secondFactorParsers } from './second-factor-parsers.ts';
import { settingParsers } from './setting-parsers.ts';

const nowSeconds = 1_800_000_000;
const claims = { iss: 'https://id.example', aud: 'https://api.example', iat: nowSeconds, exp: nowSeconds + 900 };
const key = await generateSigningKeyPair('ES256');
const token = signJwt({ key, typ: 'at+jwt', claims });
const secret = formatSecret(secretPrefixes.session, Buffer.alloc(32, 0xa5));
const phc = formatPhc({
  memoryKib: 19_456,
  iterations: 2,
  parallelism: 1,
  salt: Buffer.alloc(16, 1),
  tag: Buffer.alloc(32, 2),
});
const bcrypt = `$2b$12$${'abcdefghijklmnopqrstuv'}${'ABCDEFGHIJKLMNOPQRSTUVWXYZabcde'}`;
const oldHashes = allOldHashVectors.map(([, , text]) => text);
const keycloakCredentials = [
  '{"hashIterations":27500,"algorithm":"pbkdf2-sha256","additionalParameters":{}}',
  '{"hashIterations":5,"algorithm":"argon2","additionalParameters":{"memory":["7168"],"type":["id"],"version":["1.3"],"parallelism":["1"]}}',
];
const keycloakSecret = '{"value":"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=","salt":"AAECAwQFBgcICQoLDA0ODw=="}';
const proxies = [parseCidr('10.0.0.0/8'), parseCidr('2001:db8::/32')].filter((cidr) => cidr !== null);

const isType = (error: unknown): boolean => error instanceof TypeError;
const isRange = (error: unknown): boolean => error instanceof RangeError;

const addresses = ['192.0.2.1', '::1', '2001:db8::7', '::ffff:192.0.2.1', 'fe80::1%eth0', '[::1]:80', '127.0.0.1'];
const emails = [
  'ada@example.com',
  "o'brien+tag@mail.example.org",
  'a.b@b\u00fccher.example',
  'a@xn--bcher-kva.example',
];
const names = ['Ada Lovelace', "O'Brien", '\u674e\u5c0f\u9f99', 'Win at https://evil.example', 'Ada\u202e\n'];
const headers = ['de-CH, de;q=0.9, en;q=0.8, *;q=0.5', 'en', 'zh-Hant-TW;q=0.001', '*'];

const protocolParsers: readonly Parser[] = [
  {
    module: 'accept-language',
    name: 'wantedLanguages',
    examples: headers,
    read: ({ text }) => {
      const wanted = wantedLanguages(text);
      for (const range of wanted) assert.match(range, /^[a-z0-9-]+$/);
      return wanted.length > 0;
    },
  },
  {
    module: 'canonical-json',
    name: 'canonicalJson',
    examples: documents,
    refusal: isType,
    read: ({ text }) => {
      const parsed = parseStrictJson(text);
      if (parsed.kind === 'invalid') return false;
      const written = canonicalJson(parsed.value as JsonValue);
      assert.equal(canonicalJson(JSON.parse(written) as JsonValue), written);
      return true;
    },
  },
  {
    module: 'email-address',
    name: 'parseEmailAddress',
    examples: emails,
    read: ({ text }) => {
      const result = parseEmailAddress(text);
      if (result.kind === 'invalid') return false;
      const { canonical } = result.address;
      assert.match(canonical, /^[\x21-\x7e]{3,254}$/);
      const again = parseEmailAddress(canonical);
      assert.equal(again.kind === 'ok' && again.address.canonical, canonical);
      return true;
    },
  },
  {
    module: 'email-domains',
    name: 'allowsAddress',
    examples: emails,
    read: ({ text }) => allowsAddress({ allow: ['example.com', '.example.org'], deny: ['evil.example'] }, text),
  },
  {
    module: 'jose',
    name: 'parseCompactJws',
    examples: [token, `${token.slice(0, -4)}AAAA`],
    read: ({ text }) => {
      const parsed = parseCompactJws(text);
      if (parsed === null) return false;
      const { header, payload, signature } = parsed;
      const parts = [JSON.stringify(header), payload, signature].map((part) => Buffer.from(part as string));
      assert.equal(parts.map((part) => part.toString('base64url')).join('.').length, text.length);
      return true;
    },
  },
  {
    module: 'jose',
    name: 'parseForeignHeader',
    examples: [token, `${token.slice(0, -4)}AAAA`],
    read: ({ text }) => {
      const header = parseForeignHeader(text);
      if (header === null) return false;
      assert.deepEqual([typeof header.alg, typeof header.kid], ['string', 'string']);
      return true;
    },
  },
  {
    module: 'jose',
    name: 'verifyJwt',
    examples: [token],
    read: async ({ text }) => {
      const { kind } = await verifyJwt(text, {
        keys: (kid) => (kid === key.kid ? key : undefined),
        alg: ['ES256'],
        typ: 'at+jwt',
        issuer: claims.iss,
        audience: claims.aud,
        now: new Date(nowSeconds * 1000),
        clockToleranceSeconds: 0,
      });
      assert.equal(kind === 'ok', text === token);
      return kind === 'ok';
    },
  },
  {
    module: 'jose',
    name: 'joseSignatureFromDer',
    examples: [
      Buffer.from(`3044022011${'22'.repeat(31)}022011${'33'.repeat(31)}`, 'hex'),
      Buffer.from('3006020101020101', 'hex'),
    ],
    refusal: isRange,
    read: ({ bytes }) => {
      assert.equal(joseSignatureFromDer(bytes).length, 64);
      return true;
    },
  },
  {
    module: 'jose',
    name: 'importVerifyKey',
    examples: [
      JSON.stringify({
        kty: 'OKP',
        crv: 'Ed25519',
        alg: 'EdDSA',
        kid: 'a',
        use: 'sig',
        x: '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo',
      }),
    ],
    // Node's errors have codes; an invalid key fails the start of a node, never a request.
    refusal: (error) => isType(error) || (error instanceof Error && 'code' in error),
    read: ({ text }) => {
      const parsed = parseStrictJson(text);
      if (parsed.kind === 'invalid') return false;
      importVerifyKey(parsed.value as PublicJwk);
      return true;
    },
  },
  {
    module: 'network-address',
    name: 'parseAddress',
    examples: addresses,
    read: ({ text }) => {
      const address = parseAddress(text);
      if (address === null) return false;
      assert.deepEqual(parseAddress(formatAddress(address)), address);
      return true;
    },
  },
  {
    module: 'network-address',
    name: 'parseCidr',
    examples: ['10.0.0.0/8', '2001:db8::/32', '::ffff:10.0.0.0/104', '192.0.2.1'],
    read: ({ text }) => {
      const cidr = parseCidr(text);
      if (cidr === null) return false;
      assert.ok(cidrContains(cidr, cidr.network));
      return true;
    },
  },
  {
    module: 'network-address',
    name: 'clientAddress',
    examples: ['203.0.113.7, 10.0.0.1', '10.0.0.2', '[2001:db8::1]:443, 10.0.0.1:80', 'unknown, 198.51.100.1'],
    read: ({ text }) => {
      const address = clientAddress({ socketAddress: '10.0.0.9', forwardedFor: [text], trusted: proxies });
      assert.notEqual(parseAddress(address), null);
      return address !== '10.0.0.9';
    },
  },
  {
    module: 'network-address',
    name: 'addressBucket',
    examples: addresses,
    read: ({ text }) => addressBucket(text) !== 'unknown',
  },
  { module: 'network-address', name: 'isLoopback', examples: addresses, read: ({ text }) => isLoopback(text) },
  {
    module: 'network-address',
    name: 'isGlobal',
    examples: [...addresses, '8.8.8.8'],
    read: ({ text }) => isGlobal(text),
  },
  {
    module: 'network-address',
    name: 'isTrustedPeer',
    examples: [...addresses, '10.0.0.7', '::ffff:10.0.0.7'],
    read: ({ text }) => isTrustedPeer(text, proxies),
  },
  {
    module: 'password-hash',
    name: 'parsePhc',
    examples: [phc, bcrypt],
    read: ({ text }) => {
      const hash = parsePhc(text);
      if (hash !== null) assert.equal(formatPhc(hash), text);
      return hash !== null;
    },
  },
  {
    module: 'password-hash',
    name: 'parsePasswordHash',
    examples: [phc, ...oldHashes],
    read: ({ text }) => parsePasswordHash(text) !== null,
  },
  {
    module: 'password-hash',
    name: 'acceptsImportedHash',
    examples: [phc, ...oldHashes],
    read: ({ text }) => {
      const hash = parsePasswordHash(text);
      const isAccepted = acceptsImportedHash(text);
      assert.equal(isAccepted, hash !== null && isAffordable(hash));
      return isAccepted;
    },
  },
  {
    module: 'password-hash',
    name: 'phcOfKeycloak',
    examples: keycloakCredentials,
    read: ({ text }) => phcOfKeycloak(text, keycloakSecret) !== null,
  },
  {
    module: 'password-hash',
    name: 'needsRehash',
    examples: [phc, bcrypt],
    read: ({ text }) => !needsRehash(text, { memoryKib: 19_456, iterations: 2, parallelism: 1 }),
  },
  {
    module: 'secret-token',
    name: 'parseSecret',
    examples: [secret],
    read: ({ text }) => {
      const bytes = parseSecret(secretPrefixes.session, text);
      if (bytes !== null) assert.equal(formatSecret(secretPrefixes.session, bytes), text);
      return bytes !== null;
    },
  },
  {
    module: 'strict-json',
    name: 'parseStrictJson',
    examples: documents,
    read: ({ text }) => {
      const parsed = parseStrictJson(text);
      if (parsed.kind === 'ok') assert.deepEqual(parsed.value, JSON.parse(text));
      return parsed.kind === 'ok';
    },
  },
  {
    module: 'untrusted-text',
    name: 'acceptText',
    examples: names,
    read: ({ text }) => {
      const accepted = acceptText(text, 200);
      if (accepted.kind === 'invalid') return false;
      assert.deepEqual(acceptText(accepted.text, 200), accepted);
      return true;
    },
  },
  {
    module: 'untrusted-text',
    name: 'displayName',
    examples: names,
    read: ({ text }) => {
      const shown = displayName(text);
      if (shown !== null) assert.doesNotMatch(shown, /[\p{Cc}\n]|:\/\//u);
      return shown !== null;
    },
  },
  {
    module: 'untrusted-text',
    name: 'escapeUnprintable',
    examples: names,
    read: ({ text }) => {
      const json = JSON.stringify(text);
      const escaped = escapeUnprintable(json);
      assert.doesNotMatch(escaped, /[\p{Cc}\u2028\u2029]/u);
      assert.equal(JSON.parse(escaped), text);
      return escaped === json;
    },
  },
  {
    module: 'untrusted-text',
    name: 'oneLine',
    examples: names,
    read: ({ text }) => {
      const line = oneLine(text);
      assert.doesNotMatch(line, /[\p{Cc}\u2028\u2029]/u);
      return line === text;
    },
  },
  {
    module: 'user-agent',
    name: 'describeUserAgent',
    examples: ['Mozilla/5.0 (X11; Linux x86_64; rv:150.0) Gecko/20100101 Firefox/150.0', 'curl/8.5.0'],
    read: ({ text }) => {
      const { words } = describeUserAgent(text);
      assert.match(words, /^[\w .()-]+$/);
      return words !== 'Unknown device';
    },
  },
];

export const parsers: readonly Parser[] = [
  ...protocolParsers,
  ...secondFactorParsers,
  ...settingParsers,
  ...httpParsers,
];
