/** Vault, AWS and Google Cloud as `platform/secret-stores` sees them. They check what the services check. */
import { AwsV4Signer } from 'aws4fetch';
import { type HttpReceiver, json, type Reaction, type ReceivedRequest, startReceiver } from './http-receiver.ts';

/** A fake store. It responds as `reaction`, if that is set, instead of serving its secrets. */
export interface FakeStore {
  readonly port: number;
  readonly url: string;
  readonly received: HttpReceiver['received'];
  /** The secrets by path, name or resource; a test changes them. */
  readonly secrets: Map<string, string>;
  /** Overrides the response of requests for secrets; undefined serves them. */
  reaction: Reaction | undefined;
  stop(): Promise<void>;
}

type Serve = (request: ReceivedRequest, store: Pick<FakeStore, 'secrets' | 'reaction'>) => Promise<Reaction> | Reaction;

async function startStore(serve: Serve): Promise<FakeStore> {
  const receiver = await startReceiver();
  const store: FakeStore = {
    port: receiver.port,
    url: `http://127.0.0.1:${receiver.port}`,
    received: receiver.received,
    secrets: new Map(),
    reaction: undefined,
    stop: () => receiver.stop(),
  };
  receiver.react((response, request) => {
    Promise.resolve(serve(request, store)).then(
      (reaction) => reaction(response, request),
      (error: unknown) => json({ fake: String(error) }, 500)(response, request),
    );
  });
  return store;
}

const text =
  (body: string, headers: Readonly<Record<string, string>> = {}): Reaction =>
  (response) => {
    response.writeHead(200, headers);
    response.end(body);
  };

/** Never responds. */
export const hang: Reaction = () => undefined;

/** Responds with JSON that is cut off. */
export const malformed: Reaction = text('{"data": {"data": {"url": "hunter2', { 'content-type': 'application/json' });

/** Responds with a body beyond every limit. */
export const oversized: Reaction = (response) => {
  response.writeHead(200, { 'content-type': 'application/json' });
  response.end(`{"padding":"${'x'.repeat(300_000)}"}`);
};

/** Responds with a status and a body that must not get into a message. */
export const refusing = (status: number): Reaction => json({ errors: ['hunter2'], message: 'hunter2' }, status);

/** Responds so to the first requests, and then serves. */
export function firstTimes(count: number, reaction: Reaction, store: FakeStore): Reaction {
  let left = count;
  return (response, request) => {
    left -= 1;
    if (left === 0) store.reaction = undefined;
    reaction(response, request);
  };
}

export const vaultToken = 'hvs.CAESIJ';
export const serviceAccountToken = 'eyJhbGciOiJSUzI1NiJ9.e30.c2ln';
const loginToken = 'hvs.of-the-login';

/** Secrets are JSON objects by `mount/path`. */
export function startVault(): Promise<FakeStore> {
  return startStore((request, store) => {
    const { method, headers } = request;
    if (headers['x-vault-request'] !== 'true') return json({ errors: ['missing x-vault-request'] }, 400);
    if (method === 'POST') return logIn(request);
    if (headers['x-vault-token'] !== vaultToken && headers['x-vault-token'] !== loginToken) return refusing(403);
    return store.reaction ?? readVault(request, store.secrets);
  });
}

function logIn({ url, body }: ReceivedRequest): Reaction {
  if (url !== '/v1/auth/kubernetes/login') return json({ errors: [] }, 404);
  const { role, jwt } = JSON.parse(body) as { readonly role?: string; readonly jwt?: string };
  if (role !== 'latchkey' || jwt !== serviceAccountToken) return refusing(403);
  return json({ auth: { client_token: loginToken, lease_duration: 3600, renewable: true } });
}

function readVault({ method, url, headers }: ReceivedRequest, secrets: FakeStore['secrets']): Reaction {
  const [, mount, path] = /^\/v1\/([^/]+)\/data\/(.+)$/.exec(url) ?? [];
  const namespace = headers['x-vault-namespace'];
  const prefix = namespace === undefined ? '' : `${String(namespace)}:`;
  const secret = method === 'GET' ? secrets.get(`${prefix}${mount}/${decodeURIComponent(path ?? '')}`) : undefined;
  if (secret === undefined) return json({ errors: [] }, 404);
  return json({ data: { data: JSON.parse(secret), metadata: { version: 3, destroyed: false } } });
}

export const awsKey = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY' };
export const containerToken = 'pod-identity-token';
const metadataSession = 'AQAEALH';

/** Secrets by name; also the credentials of containers and machines. Signatures are compared with those of aws4fetch. */
export function startAws(): Promise<FakeStore> {
  return startStore(async (request, { secrets, reaction }) => {
    const ofCredentials = giveCredentials(request);
    if (ofCredentials !== undefined) return ofCredentials;
    if (request.headers['x-amz-target'] !== 'secretsmanager.GetSecretValue') return refusing(400);
    if (!(await isSigned(request))) return json({ __type: 'com.amazon.coral.service#InvalidSignatureException' }, 400);
    return reaction ?? readAws(request, secrets);
  });
}

function readAws({ body }: ReceivedRequest, secrets: FakeStore['secrets']): Reaction {
  const { SecretId: name = '' } = JSON.parse(body) as { readonly SecretId?: string };
  const secret = secrets.get(name);
  if (secret === undefined) return json({ __type: 'com.amazonaws#ResourceNotFoundException', message: name }, 400);
  return json({ Name: name, SecretString: secret, VersionStages: ['AWSCURRENT'] });
}

/** Undefined for a request that is not for credentials. */
function giveCredentials({ method, url, headers }: ReceivedRequest): Reaction | undefined {
  if (url === '/container') return headers.authorization === containerToken ? temporaryKey() : refusing(403);
  if (method === 'PUT' && url === '/latest/api/token') {
    const seconds = Number(headers['x-aws-ec2-metadata-token-ttl-seconds']);
    return seconds >= 1 && seconds <= 21_600 ? text(metadataSession) : refusing(400);
  }
  return url.startsWith('/latest/') ? giveRole(url, headers) : undefined;
}

function giveRole(url: string, headers: ReceivedRequest['headers']): Reaction {
  // Version 1 of the service, without a session, is switched off.
  if (headers['x-aws-ec2-metadata-token'] !== metadataSession) return refusing(401);
  const roles = '/latest/meta-data/iam/security-credentials/';
  if (url === roles) return text('latchkey-role\n');
  return url === `${roles}latchkey-role` ? temporaryKey() : refusing(404);
}

function temporaryKey(): Reaction {
  return json({
    Code: 'Success',
    AccessKeyId: awsKey.accessKeyId,
    SecretAccessKey: awsKey.secretAccessKey,
    Token: 'session-token',
    Expiration: new Date(Date.now() + 3_600_000).toISOString(),
  });
}

async function isSigned({ headers, body }: ReceivedRequest): Promise<boolean> {
  const { authorization = '', host = '' } = headers;
  const region = /Credential=[^/]+\/\d{8}\/([^/]+)\/secretsmanager\/aws4_request/.exec(authorization)?.[1];
  const sessionToken = headers['x-amz-security-token'];
  const signer = new AwsV4Signer({
    method: 'POST',
    url: `http://${host}/`,
    body,
    service: 'secretsmanager',
    region: region ?? '',
    ...awsKey,
    ...(typeof sessionToken === 'string' && { sessionToken }),
    datetime: String(headers['x-amz-date']),
    allHeaders: true,
    headers: { 'content-type': String(headers['content-type']), 'x-amz-target': String(headers['x-amz-target']) },
  });
  return (await signer.sign()).headers.get('authorization') === authorization;
}

const accessToken = 'ya29.access';

/** Secrets by resource, such as `projects/acme/secrets/kek/versions/latest`; also the metadata service. */
export function startGcp(): Promise<FakeStore> {
  const flavor = { 'metadata-flavor': 'Google' };
  return startStore(({ url, headers }, { secrets, reaction }) => {
    if (url.startsWith('/computeMetadata/v1/')) {
      if (headers['metadata-flavor'] !== 'Google') return refusing(403);
      if (url.endsWith('/project/project-id')) return text('acme', flavor);
      const token = { access_token: accessToken, expires_in: 3599, token_type: 'Bearer' };
      return text(JSON.stringify(token), { ...flavor, 'content-type': 'application/json' });
    }
    if (headers.authorization !== `Bearer ${accessToken}`) return refusing(401);
    if (reaction !== undefined) return reaction;
    const name = /^\/v1\/(projects\/[^/]+\/secrets\/[^/]+\/versions\/[^/]+):access$/.exec(url)?.[1] ?? '';
    const secret = secrets.get(name);
    if (secret === undefined) return json({ error: { code: 404, status: 'NOT_FOUND' } }, 404);
    return json({ name, payload: { data: Buffer.from(secret).toString('base64') } });
  });
}
