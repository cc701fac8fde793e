/** AWS Signature Version 4 (AWS IAM User Guide, "Create a signed AWS API request"), for a POST without a query. */
import { createHmac, hash } from 'node:crypto';

/** Credentials of an AWS principal; temporary ones have a session token. */
export interface AwsCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken: string | undefined;
}

interface Signed {
  readonly url: URL;
  readonly body: string;
  /** By lower-case name. All are signed, with `host`, `x-amz-date` and the session token. */
  readonly headers: Readonly<Record<string, string>>;
  readonly region: string;
  readonly service: string;
  readonly at: Date;
}

/** Returns the headers of the request, `authorization` included and `host` left to the client. */
export function signRequest(request: Signed, credentials: AwsCredentials): Readonly<Record<string, string>> {
  const { url, body, region, service, at } = request;
  const { accessKeyId, secretAccessKey, sessionToken } = credentials;
  const time = at.toISOString().replace(/[-:]|\.\d{3}/g, '');
  const sent = {
    ...request.headers,
    'x-amz-date': time,
    ...(sessionToken === undefined ? {} : { 'x-amz-security-token': sessionToken }),
  };
  const signed = Object.entries({ ...sent, host: url.host }).sort(([a], [b]) => (a < b ? -1 : 1));
  const names = signed.map(([name]) => name).join(';');
  const lines = signed.map(([name, value]) => `${name}:${value.trim()}`);
  const canonical = ['POST', url.pathname, '', ...lines, '', names, hash('sha256', body)].join('\n');
  const day = time.slice(0, 8);
  const scope = `${day}/${region}/${service}/aws4_request`;
  const key = [day, region, service, 'aws4_request'].reduce<Buffer | string>(mac, `AWS4${secretAccessKey}`);
  const signature = mac(key, ['AWS4-HMAC-SHA256', time, scope, hash('sha256', canonical)].join('\n')).toString('hex');
  const authorization = `AWS4-HMAC-SHA256 Credential=${accessKeyId}/${scope}, SignedHeaders=${names}, Signature=${signature}`;
  return { ...sent, authorization };
}

function mac(key: Buffer | string, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest();
}
