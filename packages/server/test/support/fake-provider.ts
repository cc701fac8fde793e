/**
 * An OpenID provider on loopback, over real HTTP. It is honest unless a test changes a part of what it sends: that part alone
 * is then wrong.
 */
import { createHash, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';
import type { TestCertificate } from './certificates.ts';
import { type HttpReceiver, json, type Reaction, type ReceivedRequest, startReceiver } from './http-receiver.ts';

type Members = Readonly<Record<string, unknown>>;

export type FakePath = '/.well-known/openid-configuration' | '/jwks' | '/token' | '/userinfo';

/** Changes of what the provider sends. A member that is undefined is left out. */
export interface Tampering {
  readonly discovery?: Members;
  readonly callback?: Readonly<Record<string, string | undefined>>;
  readonly header?: Members;
  readonly claims?: Members;
  /** Changes the text of the ID token. */
  readonly idToken?: (token: string) => string | undefined;
  /** Members of the token response. */
  readonly tokens?: Members;
  readonly userinfo?: Members;
  /** How long each response waits. */
  readonly delayMs?: number;
  /** Responses in place of its own. */
  readonly reactions?: Partial<Readonly<Record<FakePath, Reaction>>>;
}

/** The account that signs in. */
export interface FakePerson {
  readonly sub: string;
  readonly email?: string;
  readonly email_verified?: unknown;
  readonly name?: string;
  readonly [claim: string]: unknown;
}

export interface FakeProvider {
  readonly issuer: string;
  readonly clientId: string;
  readonly clientSecret: string;
  readonly receiver: HttpReceiver;
  /** The requests to a path so far. */
  requestsTo(path: FakePath): readonly ReceivedRequest[];
  /** Signs in as this person from now on. */
  person: FakePerson;
  tampering: Tampering;
  /** Replaces the key; `publish` false leaves the old one in the JWK Set. */
  rotateKey(publish: boolean): void;
  /** The parameters of the callback for an authorization request. */
  authorize(url: URL): URLSearchParams;
  /** A signed ID token. */
  mint(claims: Members, header?: Members): string;
  stop(): Promise<void>;
}

interface Grant {
  readonly challenge: string | null;
  readonly nonce: string | null;
  readonly redirectUri: string;
}

interface FakeKey {
  readonly kid: string;
  readonly privateKey: KeyObject;
  readonly jwk: Members;
}

/** An address in place of 127.0.0.1 without TLS: a host name with a certificate leads to it. */
export interface FakeAddress {
  readonly host: string;
  readonly name: string;
  readonly tls: TestCertificate;
}

/** Starts a provider. Time is the machine's. */
export async function startFakeProvider(address?: FakeAddress): Promise<FakeProvider> {
  const receiver = await startReceiver(address);
  const { port } = receiver;
  const issuer = address === undefined ? `http://127.0.0.1:${port}` : `https://${address.name}:${port}`;
  const provider = new Fake(receiver, issuer);
  receiver.react((response, request) => {
    const respond = () => provider.respond(response, request);
    if (provider.tampering.delayMs === undefined) respond();
    else setTimeout(respond, provider.tampering.delayMs);
  });
  return provider;
}

class Fake implements FakeProvider {
  readonly issuer: string;
  readonly clientId = 'latchkey';
  readonly clientSecret = 'a secret: with & signs';
  readonly receiver: HttpReceiver;
  person: FakePerson = { sub: 'ada-1', email: 'ada@people.example', email_verified: true, name: 'Ada' };
  tampering: Tampering = {};
  readonly #grants = new Map<string, Grant>();
  #key = makeKey();
  #published: readonly Members[] = [this.#key.jwk];

  constructor(receiver: HttpReceiver, issuer: string) {
    this.receiver = receiver;
    this.issuer = issuer;
  }

  requestsTo(path: FakePath): readonly ReceivedRequest[] {
    return this.receiver.received.filter(({ url }) => url.split('?')[0] === path);
  }

  rotateKey(publish: boolean): void {
    this.#key = makeKey();
    if (publish) this.#published = [this.#key.jwk];
  }

  authorize(url: URL): URLSearchParams {
    const of = (name: string) => url.searchParams.get(name);
    const code = randomBytes(16).toString('base64url');
    this.#grants.set(code, {
      challenge: of('code_challenge'),
      nonce: of('nonce'),
      redirectUri: of('redirect_uri') ?? '',
    });
    const callback = { code, state: of('state') ?? '', iss: this.issuer, ...this.tampering.callback };
    return new URLSearchParams(defined(callback) as Record<string, string>);
  }

  mint(claims: Members, header: Members = {}): string {
    const { kid, privateKey } = this.#key;
    const encode = (value: Members) => Buffer.from(JSON.stringify(defined(value))).toString('base64url');
    const input = `${encode({ alg: 'ES256', kid, typ: 'JWT', ...header })}.${encode(claims)}`;
    const signature = sign('sha256', Buffer.from(input), { key: privateKey, dsaEncoding: 'ieee-p1363' });
    return `${input}.${signature.toString('base64url')}`;
  }

  respond(response: Parameters<Reaction>[0], request: ReceivedRequest): void {
    const path = request.url.split('?')[0] ?? '';
    const own: Reaction = path === '/authorize' ? this.#redirect : json(...this.#bodyOf(path, request));
    const reaction = this.tampering.reactions?.[path as FakePath] ?? own;
    reaction(response, request);
  }

  stop(): Promise<void> {
    return this.receiver.stop();
  }

  readonly #redirect: Reaction = (response, request) => {
    const url = new URL(request.url, this.issuer);
    const target = new URL(url.searchParams.get('redirect_uri') ?? '');
    for (const [name, value] of this.authorize(url)) target.searchParams.set(name, value);
    response.writeHead(302, { location: target.href });
    response.end();
  };

  #bodyOf(path: string, request: ReceivedRequest): [unknown, number] {
    if (path === '/.well-known/openid-configuration') return [this.#discovery(), 200];
    if (path === '/jwks') return [{ keys: this.#published }, 200];
    if (path === '/token') return this.#redeem(request);
    if (path === '/userinfo') return [defined({ ...this.person, ...this.tampering.userinfo }), 200];
    return [{}, 404];
  }

  #discovery(): Members {
    const { issuer } = this;
    return defined({
      issuer,
      authorization_endpoint: `${issuer}/authorize`,
      token_endpoint: `${issuer}/token`,
      jwks_uri: `${issuer}/jwks`,
      userinfo_endpoint: `${issuer}/userinfo`,
      id_token_signing_alg_values_supported: ['ES256', 'HS256', 'none'],
      token_endpoint_auth_methods_supported: ['client_secret_basic', 'client_secret_post'],
      authorization_response_iss_parameter_supported: true,
      ...this.tampering.discovery,
    });
  }

  #redeem(request: ReceivedRequest): [unknown, number] {
    const form = new URLSearchParams(request.body);
    const grant = this.#grants.get(form.get('code') ?? '');
    this.#grants.delete(form.get('code') ?? '');
    if (!this.#isAuthenticated(request, form)) return [{ error: 'invalid_client' }, 401];
    const challenge = createHash('sha256')
      .update(form.get('code_verifier') ?? '')
      .digest('base64url');
    const isWhole = grant?.redirectUri === form.get('redirect_uri') && (grant.challenge ?? challenge) === challenge;
    if (grant === undefined || !isWhole) return [{ error: 'invalid_grant' }, 400];
    const token = this.mint({ ...this.#claims(grant), ...this.tampering.claims }, this.tampering.header);
    const idToken = this.tampering.idToken === undefined ? token : this.tampering.idToken(token);
    const tokens = { access_token: 'opaque', token_type: 'Bearer', expires_in: 60, id_token: idToken };
    return [defined({ ...tokens, ...this.tampering.tokens }), 200];
  }

  #claims({ nonce }: Grant): Members {
    const now = Math.floor(Date.now() / 1000);
    return { ...this.person, iss: this.issuer, aud: this.clientId, iat: now, exp: now + 60, nonce: nonce ?? undefined };
  }

  #isAuthenticated({ headers }: ReceivedRequest, form: URLSearchParams): boolean {
    const encode = (text: string) => new URLSearchParams({ '': text }).toString().slice(1);
    const basic = Buffer.from(`${encode(this.clientId)}:${encode(this.clientSecret)}`).toString('base64');
    const isPost = form.get('client_id') === this.clientId && form.get('client_secret') === this.clientSecret;
    return isPost || headers.authorization === `Basic ${basic}`;
  }
}

function makeKey(): FakeKey {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const kid = randomBytes(8).toString('hex');
  return { kid, privateKey, jwk: { ...publicKey.export({ format: 'jwk' }), kid, alg: 'ES256', use: 'sig' } };
}

function defined(members: Members): Members {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined));
}
