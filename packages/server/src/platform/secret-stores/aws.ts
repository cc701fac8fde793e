/** Reads AWS Secrets Manager (API Reference, `GetSecretValue`). */
import type { Clock } from '#kernel/clock.ts';
import { type AwsAccess, readCredentials } from './aws-credentials.ts';
import { type AwsCredentials, signRequest } from './aws-signature.ts';
import { StoreFailure } from './failure.ts';
import { Once } from './once.ts';
import { decodeText, pickField, readObject, requireOk, textIn } from './response.ts';
import type { Send } from './send.ts';

export interface AwsSecret {
  readonly kind: 'aws-sm';
  readonly name: string;
  readonly region: string | undefined;
  readonly field: string | undefined;
}

const service = 'AWS Secrets Manager';

/** Errors with a cause that the operator can remove; others are named by their code. */
const causes: Readonly<Record<string, string>> = {
  ResourceNotFoundException: 'AWS Secrets Manager has no such secret in the region',
  AccessDeniedException: 'AWS denied access: the role may not call secretsmanager:GetSecretValue for the secret',
  DecryptionFailure: 'AWS could not decrypt the secret: the role may not use its KMS key',
  UnrecognizedClientException: 'AWS does not know the access key',
  InvalidSignatureException: 'AWS rejected the signature: the secret access key or the clock of this machine is wrong',
  RequestTimeTooSkewed: 'AWS rejected the time of the request: the clock of this machine is wrong',
  ExpiredTokenException: 'the AWS credentials have expired',
};

const throttling = new Set(['ThrottlingException', 'Throttling', 'RequestLimitExceeded', 'InternalServiceError']);

export class SecretsManager {
  readonly #access: AwsAccess;
  readonly #send: Send;
  readonly #clock: Pick<Clock, 'now'>;
  readonly #credentials = new Once<AwsCredentials>();
  readonly #secrets = new Once<string>();

  constructor(access: AwsAccess, send: Send, clock: Pick<Clock, 'now'>) {
    this.#access = access;
    this.#send = send;
    this.#clock = clock;
  }

  async read({ name, region = this.#access.region, field }: AwsSecret): Promise<string> {
    if (region === undefined) throw new StoreFailure('set AWS_REGION, or write the ARN of the secret');
    const text = await this.#secrets.get(`${region} ${name}`, () => this.#readSecret(name, region));
    return pickField(text, field);
  }

  async #readSecret(name: string, region: string): Promise<string> {
    const now = this.#clock.now();
    const credentials = await this.#credentials.get('', () => readCredentials(this.#access, this.#send, now));
    const url = new URL(this.#access.endpoint ?? endpointOf(region));
    const body = JSON.stringify({ SecretId: name });
    const headers = {
      'content-type': 'application/x-amz-json-1.1',
      'x-amz-target': 'secretsmanager.GetSecretValue',
    };
    const signed = signRequest({ url, body, headers, region, service: 'secretsmanager', at: now }, credentials);
    const response = await this.#send({ target: 'service', url, method: 'POST', headers: signed, body });
    if (response.status >= 400 && response.status < 500 && response.status !== 429) {
      throw failureOf(errorCode(response), response.status);
    }
    requireOk(response, service, {});
    const answer = readObject(response, service);
    const text = textIn(answer, 'SecretString');
    if (text !== undefined) return text;
    const bytes = textIn(answer, 'SecretBinary');
    if (bytes === undefined) throw new StoreFailure('the response of AWS Secrets Manager has no secret');
    return decodeText(Buffer.from(bytes, 'base64'));
  }
}

function endpointOf(region: string): string {
  return `https://secretsmanager.${region}.amazonaws.com${region.startsWith('cn-') ? '.cn' : ''}/`;
}

/** The code of an error, with or without its namespace: `com.amazonaws.secretsmanager#ResourceNotFoundException`. */
function errorCode(response: Parameters<typeof readObject>[0]): string | undefined {
  try {
    return /^(?:[\w.]+#)?([A-Za-z]{1,60})$/.exec(textIn(readObject(response, service), '__type') ?? '')?.[1];
  } catch (error) {
    if (error instanceof StoreFailure) return undefined;
    throw error;
  }
}

function failureOf(code: string | undefined, status: number): StoreFailure {
  const known = code === undefined ? undefined : causes[code];
  const fallback = `${service} responded with ${status}${code === undefined ? '' : ` (${code})`}`;
  return new StoreFailure(known ?? fallback, { isTransient: code !== undefined && throttling.has(code) });
}
