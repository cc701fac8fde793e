/**
 * The credentials of AWS, as its SDKs find them: static ones, those of a container (ECS, EKS Pod Identity), those of the
 * machine (EC2, IMDSv2). The first kind that is configured counts: a role of the machine never stands in for a missing one.
 */
import { withoutTrailing } from '#kernel/without-trailing.ts';
import type { AwsCredentials } from './aws-signature.ts';
import { StoreFailure } from './failure.ts';
import { type objectIn, readObject, requireOk, textIn } from './response.ts';
import type { Send } from './send.ts';

export interface AwsAccess {
  readonly region: string | undefined;
  /** Replaces the address of Secrets Manager, for a VPC endpoint. */
  readonly endpoint: string | undefined;
  readonly accessKeyId: string | undefined;
  readonly secretAccessKey: string | undefined;
  readonly sessionToken: string | undefined;
  /** The path of the container's credentials on ECS. */
  readonly containerPath: string | undefined;
  /** Their whole address, on EKS. */
  readonly containerUrl: string | undefined;
  readonly containerToken: string | undefined;
  /** Whether a web identity is configured, which is not supported. */
  readonly hasWebIdentity: boolean;
  /** Replaces the address of the metadata service. */
  readonly metadataUrl: string | undefined;
}

const ecsAddress = 'http://169.254.170.2';
const ec2Address = 'http://169.254.169.254';
/** The token is used at once. */
const tokenSeconds = 60;

export async function readCredentials(access: AwsAccess, send: Send, now: Date): Promise<AwsCredentials> {
  const { accessKeyId, secretAccessKey, sessionToken } = access;
  if (accessKeyId !== undefined && secretAccessKey !== undefined) return { accessKeyId, secretAccessKey, sessionToken };
  if (accessKeyId !== undefined || secretAccessKey !== undefined)
    throw new StoreFailure('set both AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or neither');
  if (access.containerPath !== undefined || access.containerUrl !== undefined) return ofContainer(access, send, now);
  if (access.hasWebIdentity)
    throw new StoreFailure('AWS_WEB_IDENTITY_TOKEN_FILE is not supported: use EKS Pod Identity');
  return ofMachine(access.metadataUrl ?? ec2Address, send, now);
}

async function ofContainer(access: AwsAccess, send: Send, now: Date): Promise<AwsCredentials> {
  const service = 'the credentials service of the container';
  const url = new URL(access.containerUrl ?? `${ecsAddress}${access.containerPath}`);
  const { containerToken } = access;
  const headers: Record<string, string> = containerToken === undefined ? {} : { authorization: containerToken };
  const target = url.protocol === 'https:' ? 'service' : 'metadata';
  const response = await send({ target, url, method: 'GET', headers });
  requireOk(response, service, {});
  return credentialsIn(readObject(response, service), service, now);
}

/** IMDSv2 only: version 1 returns credentials to any request that this machine can be made to send (SSRF). */
async function ofMachine(address: string, send: Send, now: Date): Promise<AwsCredentials> {
  const service = 'the metadata service of EC2';
  const at = (path: string) => new URL(`${withoutTrailing(address, '/')}/latest/${path}`);
  const seconds = { 'x-aws-ec2-metadata-token-ttl-seconds': String(tokenSeconds) };
  const session = await send({ target: 'metadata', url: at('api/token'), method: 'PUT', headers: seconds });
  requireOk(session, service, {});
  const headers = { 'x-aws-ec2-metadata-token': session.body.toString('utf8').trim() };
  const get = (path: string) => send({ target: 'metadata', url: at(path), method: 'GET', headers });
  const listed = await get('meta-data/iam/security-credentials/');
  requireOk(listed, service, { 404: 'this EC2 machine has no role' });
  const role = listed.body.toString('utf8').split('\n')[0]?.trim() ?? '';
  if (!/^[\w+=,.@-]{1,64}$/.test(role)) throw new StoreFailure('this EC2 machine has no role');
  const response = await get(`meta-data/iam/security-credentials/${encodeURIComponent(role)}`);
  requireOk(response, service, {});
  return credentialsIn(readObject(response, service), service, now);
}

function credentialsIn(answer: ReturnType<typeof objectIn>, service: string, now: Date): AwsCredentials {
  const accessKeyId = textIn(answer, 'AccessKeyId');
  const secretAccessKey = textIn(answer, 'SecretAccessKey');
  if (accessKeyId === undefined || secretAccessKey === undefined)
    throw new StoreFailure(`the response of ${service} has no credentials`);
  const expiresAt = Date.parse(textIn(answer, 'Expiration') ?? '');
  if (expiresAt <= now.getTime())
    throw new StoreFailure(`the credentials of ${service} have expired`, { isTransient: true });
  return { accessKeyId, secretAccessKey, sessionToken: textIn(answer, 'Token') };
}
