/** Reads Google Secret Manager (REST reference, `projects.secrets.versions.access`) with the token of the machine. */
import { withoutTrailing } from '#kernel/without-trailing.ts';
import type { OutboundResponse } from '#platform/outbound/index.ts';
import { StoreFailure } from './failure.ts';
import { Once } from './once.ts';
import { decodeText, objectIn, pickField, readObject, requireOk, textIn } from './response.ts';
import type { Send } from './send.ts';

export interface GcpAccess {
  readonly project: string | undefined;
  /** Replaces the host of the metadata service. */
  readonly metadataHost: string | undefined;
  /** Replaces the address of Secret Manager. */
  readonly endpoint: string | undefined;
}

export interface GcpSecret {
  readonly kind: 'gcp-sm';
  readonly project: string | undefined;
  readonly name: string;
  readonly version: string;
  readonly field: string | undefined;
}

const service = 'Google Secret Manager';
const metadata = 'the metadata service of Google Cloud';

export class SecretManager {
  readonly #access: GcpAccess;
  readonly #send: Send;
  /** The machine's project and token. */
  readonly #shared = new Once<string>();
  readonly #secrets = new Once<string>();

  constructor(access: GcpAccess, send: Send) {
    this.#access = access;
    this.#send = send;
  }

  async read({ project, name, version, field }: GcpSecret): Promise<string> {
    const path = `projects/${project ?? (await this.#project())}/secrets/${name}/versions/${version}`;
    const text = await this.#secrets.get(path, () => this.#readSecret(path));
    return pickField(text, field);
  }

  async #readSecret(path: string): Promise<string> {
    const { endpoint = 'https://secretmanager.googleapis.com' } = this.#access;
    const url = new URL(`${withoutTrailing(endpoint, '/')}/v1/${path}:access`);
    const headers = { authorization: `Bearer ${await this.#token()}` };
    const response = await this.#send({ target: 'service', url, method: 'GET', headers });
    requireOk(response, service, {
      400: 'Google Secret Manager rejected the request (400): the version may be disabled or destroyed',
      401: 'Google Secret Manager rejected the token of the machine (401)',
      403: 'Google denied access (403): the service account needs the role "Secret Manager Secret Accessor"',
      404: 'Google Secret Manager has no such secret or version (404)',
    });
    const data = textIn(objectIn(readObject(response, service), 'payload'), 'data');
    if (data === undefined) throw new StoreFailure('the response of Google Secret Manager has no secret');
    return decodeText(Buffer.from(data, 'base64'));
  }

  async #project(): Promise<string> {
    const { project } = this.#access;
    if (project !== undefined) return project;
    const path = 'project/project-id';
    return this.#shared.get(path, async () => {
      const text = (await this.#ask(path)).body.toString('utf8').trim();
      if (/^[a-z0-9.:-]{1,100}$/.test(text)) return text;
      throw new StoreFailure('set GOOGLE_CLOUD_PROJECT');
    });
  }

  async #token(): Promise<string> {
    const path = 'instance/service-accounts/default/token';
    return this.#shared.get(path, async () => {
      const token = textIn(readObject(await this.#ask(path), metadata), 'access_token');
      if (token === undefined) throw new StoreFailure(`the response of ${metadata} has no token`);
      return token;
    });
  }

  async #ask(path: string): Promise<OutboundResponse> {
    const { metadataHost = 'metadata.google.internal' } = this.#access;
    const url = new URL(`http://${metadataHost}/computeMetadata/v1/${path}`);
    const headers = { 'metadata-flavor': 'Google' };
    const response = await this.#send({ target: 'metadata', url, method: 'GET', headers });
    requireOk(response, metadata, { 404: 'this machine has no service account' });
    // Another service may listen at the address (Compute Engine, "View and query VM metadata").
    if (response.headers['metadata-flavor'] === 'Google') return response;
    throw new StoreFailure(`${metadata} is not at ${metadataHost}`);
  }
}
