import { AwsV4Signer } from 'aws4fetch';
import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '#kernel/clock.ts';
import { makeCertificate } from '#test/support/certificates.ts';
import { json, startReceiver } from '#test/support/http-receiver.ts';
import {
  awsKey,
  containerToken,
  type FakeStore,
  firstTimes,
  hang,
  malformed,
  oversized,
  refusing,
  serviceAccountToken,
  startAws,
  startGcp,
  startVault,
  vaultToken,
} from '#test/support/secret-stores.ts';
import { signRequest } from './aws-signature.ts';
import { readSecrets, type StoreAccess, type StoredSecret } from './index.ts';

let vault: FakeStore;
let aws: FakeStore;
let gcp: FakeStore;

beforeAll(async () => {
  [vault, aws, gcp] = await Promise.all([startVault(), startAws(), startGcp()]);
});
afterAll(() => Promise.all([vault, aws, gcp].map((store) => store.stop())));

beforeEach(() => {
  for (const store of [vault, aws, gcp]) store.reaction = undefined;
  vault.secrets.set('secret/latchkey', '{"url":"hunter2","port":25}');
  aws.secrets.set('latchkey/smtp', '{"url":"hunter2","port":25}');
  gcp.secrets.set('projects/acme/secrets/smtp/versions/latest', '{"url":"hunter2","port":25}');
});

function accessTo(more: { readonly [Store in keyof StoreAccess]?: Partial<StoreAccess[Store]> } = {}): StoreAccess {
  return {
    vault: {
      address: vault.url,
      token: vaultToken,
      namespace: undefined,
      certificateAuthority: undefined,
      kubernetes: undefined,
      ...more.vault,
    },
    aws: {
      region: 'eu-central-1',
      endpoint: aws.url,
      ...awsKey,
      sessionToken: undefined,
      containerPath: undefined,
      containerUrl: undefined,
      containerToken: undefined,
      hasWebIdentity: false,
      metadataUrl: aws.url,
      ...more.aws,
    },
    gcp: { project: undefined, metadataHost: `127.0.0.1:${gcp.port}`, endpoint: gcp.url, ...more.gcp },
  };
}

const inVault = { kind: 'vault', mount: 'secret', path: 'latchkey', field: 'url' } as const;
const inAws = { kind: 'aws-sm', name: 'latchkey/smtp', region: undefined, field: 'url' } as const;
const inGcp = { kind: 'gcp-sm', project: undefined, name: 'smtp', version: 'latest', field: 'url' } as const;

async function read(secret: StoredSecret, access = accessTo(), totalMs = 5000) {
  const [outcome] = await readSecrets([secret], access, { requestMs: Math.min(2000, totalMs / 2), totalMs });
  expect(outcome?.kind === 'failed' ? outcome.reason : '').not.toContain('hunter2');
  return outcome;
}

const failed = (reason: RegExp, isTransient = false) => ({
  kind: 'failed',
  isTransient,
  reason: expect.stringMatching(reason) as string,
});

const stores = [
  ['vault', () => vault, inVault],
  ['aws', () => aws, inAws],
  ['gcp', () => gcp, inGcp],
] as const;

describe.each(stores)('a secret in %s', (_, store, secret) => {
  it('is read, and after a rotation the new one', async () => {
    expect(await read(secret)).toEqual({ kind: 'secret', text: 'hunter2' });
    for (const key of store().secrets.keys()) store().secrets.set(key, '{"url":"rotated"}');
    expect(await read(secret)).toEqual({ kind: 'secret', text: 'rotated' });
  });

  it('that does not exist is missing, at once', async () => {
    store().secrets.clear();
    expect(await read(secret)).toMatchObject(failed(/no such secret|no secret at/));
  });

  it('needs its field, which is a text', async () => {
    const reasonOf = async (field: string) => ({ reason: '', ...(await read({ ...secret, field })) }).reason;
    expect(await reasonOf('uri')).toBe('the secret has no field "uri"');
    expect(await reasonOf('__proto__')).toBe('the secret has no field "__proto__"');
    expect(await reasonOf('port')).toBe('the field "port" of the secret is not a text');
  });

  it('is read again while the store is overloaded or down', async () => {
    store().reaction = firstTimes(1, refusing(429), store());
    expect(await read(secret)).toEqual({ kind: 'secret', text: 'hunter2' });
    store().reaction = firstTimes(1, refusing(503), store());
    expect(await read(secret)).toEqual({ kind: 'secret', text: 'hunter2' });
    store().reaction = (response) => response.socket?.destroy();
    expect(await read(secret, accessTo(), 600)).toMatchObject(failed(/closed the connection|in time/, true));
  });

  it('of a store that hangs is given up within the time of all requests', async () => {
    store().reaction = hang;
    const startedMs = systemClock.monotonicMs();
    const outcome = await read(secret, accessTo(), 300);
    expect(outcome).toMatchObject(failed(/did not respond in time/, true));
    expect(systemClock.monotonicMs() - startedMs).toBeLessThan(1500);
  });

  it.each([
    ['malformed', malformed, /is not a JSON object/],
    ['oversized', oversized, /is too large/],
    ['of another shape', json({ data: { url: 'hunter2' }, payload: 'hunter2' }), /not one of|has no secret/],
    ['a list', json(['hunter2']), /is not a JSON object/],
    ['a redirect', refusing(302), /responded with 302/],
  ])('is not read from a response that is %s', async (_kind, reaction, reason) => {
    store().reaction = reaction;
    expect(await read(secret)).toMatchObject(failed(reason));
  });
});

describe('Vault', () => {
  const kubernetes = { role: 'latchkey', mount: 'kubernetes', serviceAccountToken };

  it.each([
    ['another token', { token: 'hvs.wrong' }, /denied access \(403\)/],
    ['no token', { token: undefined }, /^set VAULT_TOKEN/],
    ['no address', { address: undefined }, /^set VAULT_ADDR$/],
    [
      'another role',
      { token: undefined, kubernetes: { ...kubernetes, role: 'other' } },
      /rejected the login .*\(403\)/,
    ],
    [
      'another mount',
      { token: undefined, kubernetes: { ...kubernetes, mount: 'k8s' } },
      /KUBERNETES_MOUNT may be wrong/,
    ],
    [
      'no service account',
      { token: undefined, kubernetes: { ...kubernetes, serviceAccountToken: undefined } },
      /no token/,
    ],
    ['plain HTTP to another machine', { address: 'http://192.0.2.1:8200' }, /must be reached by https/],
    ['the metadata service', { address: 'https://169.254.169.254' }, /must not have a link-local address/],
  ])('with %s gives no secret', async (_, more, reason) => {
    expect(await read(inVault, accessTo({ vault: more }))).toMatchObject(failed(reason));
  });

  it('logs in once for all secrets, in Kubernetes and in a namespace', async () => {
    vault.secrets.set('team:secret/a b/c', '{"x":"hunter2"}');
    const before = vault.received.length;
    const secret = { ...inVault, path: 'a b/c', field: 'x' };
    const access = accessTo({ vault: { token: undefined, kubernetes, namespace: 'team' } });
    const outcomes = await readSecrets([secret, { ...secret, field: 'y' }], access);
    expect(outcomes).toMatchObject([{ text: 'hunter2' }, { reason: 'the secret has no field "y"' }]);
    const urls = vault.received.slice(before).map(({ url }) => url);
    expect(urls).toEqual(['/v1/auth/kubernetes/login', '/v1/secret/data/a%20b/c']);
  });

  it('has a certificate that is checked against its authority', async () => {
    const certificate = makeCertificate(['localhost']);
    const server = await startReceiver({ tls: certificate });
    server.react(json({ data: { data: { url: 'hunter2' }, metadata: {} } }));
    const address = `https://localhost:${server.port}`;
    const trusted = accessTo({ vault: { address, certificateAuthority: certificate.cert } });
    expect(await read(inVault, trusted)).toMatchObject({ text: 'hunter2' });
    expect(await read(inVault, accessTo({ vault: { address } }))).toMatchObject(
      failed(/certificate .* is not trusted/),
    );
    await server.stop();
  });
});

describe('AWS', () => {
  const none = { accessKeyId: undefined, secretAccessKey: undefined };

  it('gets credentials of the container, and of the machine by IMDSv2', async () => {
    const container = { ...none, containerUrl: `${aws.url}/container`, containerToken };
    expect(await read(inAws, accessTo({ aws: container }))).toMatchObject({ text: 'hunter2' });
    expect(await read(inAws, accessTo({ aws: none }))).toMatchObject({ text: 'hunter2' });
    const calls = aws.received.slice(-4).map(({ method, url }) => `${method} ${url}`);
    expect(calls).toEqual([
      'PUT /latest/api/token',
      'GET /latest/meta-data/iam/security-credentials/',
      'GET /latest/meta-data/iam/security-credentials/latchkey-role',
      'POST /',
    ]);
  });

  it.each([
    ['another secret key', { secretAccessKey: 'wrong' }, /rejected the signature/],
    ['half of a key', { secretAccessKey: undefined }, /^set both AWS_ACCESS_KEY_ID/],
    ['no region', { region: undefined }, /^set AWS_REGION/],
    ['another container token', { ...none, containerUrl: 'CONTAINER', containerToken: 'wrong' }, /responded with 403/],
    ['a web identity', { ...none, hasWebIdentity: true }, /use EKS Pod Identity/],
    ['a metadata service elsewhere', { ...none, metadataUrl: 'http://192.0.2.1' }, /address of a metadata service/],
    [
      'a container service elsewhere',
      { ...none, containerUrl: 'http://169.254.1.1/' },
      /address of a metadata service/,
    ],
  ])('with %s gives no secret', async (_, more, reason) => {
    const { containerUrl, ...rest } = { containerUrl: undefined, ...more };
    const url = containerUrl === 'CONTAINER' ? `${aws.url}/container` : containerUrl;
    const outcome = await read(inAws, accessTo({ aws: { ...rest, containerUrl: url } }));
    expect(outcome).toMatchObject(failed(reason));
  });

  it.each([
    ['AccessDeniedException', /may not call secretsmanager:GetSecretValue/, false],
    ['ExpiredTokenException', /have expired/, false],
    ['ThrottlingException', /\(ThrottlingException\)/, true],
    ['<script>hunter2', /responded with 400$/, false],
  ])('explains the error %s', async (code, reason, isTransient) => {
    aws.reaction = json({ __type: `com.amazonaws.secretsmanager#${code}`, Message: 'hunter2' }, 400);
    expect(await read(inAws, accessTo(), 300)).toMatchObject(failed(reason, isTransient));
  });

  it('signs every request as aws4fetch does', async () => {
    const word = fc.stringMatching(/^[A-Za-z0-9/+]{1,40}$/);
    await fc.assert(
      fc.asyncProperty(
        fc.record({ accessKeyId: word, secretAccessKey: word, sessionToken: fc.option(word, { nil: undefined }) }),
        fc.string(),
        fc.date({ min: new Date('2020-01-01'), max: new Date('2099-01-01'), noInvalidDate: true }),
        async (credentials, body, at) => {
          const url = new URL('https://secretsmanager.eu-central-1.amazonaws.com/');
          const headers = {
            'content-type': 'application/x-amz-json-1.1',
            'x-amz-target': 'secretsmanager.GetSecretValue',
          };
          const place = { region: 'eu-central-1', service: 'secretsmanager' };
          const ours = signRequest({ url, body, headers, ...place, at }, credentials);
          const { sessionToken, ...key } = credentials;
          const theirs = await new AwsV4Signer({
            method: 'POST',
            url: url.href,
            body,
            headers,
            ...place,
            ...key,
            ...(sessionToken !== undefined && { sessionToken }),
            datetime: ours['x-amz-date'] ?? '',
            allHeaders: true,
          }).sign();
          expect(ours.authorization).toBe(theirs.headers.get('authorization'));
        },
      ),
      { numRuns: 50 },
    );
  });
});

describe('Google Cloud', () => {
  it('reads a version of another project as text', async () => {
    gcp.secrets.set('projects/other/secrets/kek/versions/7', 'grüße\n');
    const secret = { ...inGcp, project: 'other', name: 'kek', version: '7', field: undefined };
    expect(await read(secret)).toEqual({ kind: 'secret', text: 'grüße\n' });
  });

  it('gets no token from a service that is not the metadata service', async () => {
    const metadataHost = `127.0.0.1:${vault.port}`;
    const project = 'acme';
    const outcome = await read(inGcp, accessTo({ gcp: { project, metadataHost } }));
    expect(outcome).toMatchObject({ kind: 'failed', isTransient: false });
    const other = await startReceiver();
    other.react(json({ access_token: 'hunter2' }));
    const elsewhere = accessTo({ gcp: { project, metadataHost: `127.0.0.1:${other.port}` } });
    expect(await read(inGcp, elsewhere)).toMatchObject(failed(/is not at 127\.0\.0\.1/));
    await other.stop();
  });

  it('does not take bytes for a text', async () => {
    gcp.reaction = json({ payload: { data: Buffer.of(0xff, 0xfe).toString('base64') } });
    expect(await read(inGcp)).toMatchObject({ reason: 'the secret is not a UTF-8 text' });
  });
});

it('each secret has its own outcome, whatever the others do', async () => {
  aws.reaction = hang;
  const outcomes = await readSecrets([inVault, inAws, inGcp], accessTo(), { requestMs: 100, totalMs: 200 });
  expect(outcomes).toMatchObject([{ kind: 'secret' }, { kind: 'failed', isTransient: true }, { kind: 'secret' }]);
});
