/** Reads the key-value store of Vault, version 2 (HashiCorp Vault HTTP API, "KV secrets engine - version 2"). */
import { withoutTrailing } from '#kernel/without-trailing.ts';
import { StoreFailure } from './failure.ts';
import { Once } from './once.ts';
import { fieldOf, objectIn, readObject, requireOk, textIn } from './response.ts';
import type { Send } from './send.ts';

export interface VaultAccess {
  readonly address: string | undefined;
  readonly token: string | undefined;
  readonly namespace: string | undefined;
  /** PEM of the authority of its certificate. */
  readonly certificateAuthority: string | undefined;
  /** Logs in with the token of a Kubernetes service account, where there is no token of Vault. */
  readonly kubernetes:
    | { readonly role: string; readonly mount: string; readonly serviceAccountToken: string | undefined }
    | undefined;
}

export interface VaultSecret {
  readonly kind: 'vault';
  readonly mount: string;
  readonly path: string;
  readonly field: string;
}

type Fields = Readonly<Record<string, unknown>>;

const service = 'Vault';

export class Vault {
  readonly #access: VaultAccess;
  readonly #send: Send;
  readonly #login = new Once<string>();
  readonly #secrets = new Once<Fields>();

  constructor(access: VaultAccess, send: Send) {
    this.#access = access;
    this.#send = send;
  }

  async read({ mount, path, field }: VaultSecret): Promise<string> {
    const fields = await this.#secrets.get(`${mount}/${path}`, () => this.#readFields(mount, path));
    return fieldOf(fields, field);
  }

  async #readFields(mount: string, path: string): Promise<Fields> {
    const token = await this.#token();
    const response = await this.#request('GET', `${encodePath(mount)}/data/${encodePath(path)}`, { token });
    requireOk(response, service, {
      400: 'Vault rejected the request (400): VAULT_NAMESPACE may be wrong',
      403: 'Vault denied access (403): the token is wrong, has expired, or its policy does not allow to read the path',
      404: 'Vault has no secret at the path (404)',
      503: 'Vault is sealed or down (503)',
    });
    const data = objectIn(readObject(response, service), 'data');
    const fields = objectIn(data, 'data');
    if (fields !== undefined && objectIn(data, 'metadata') !== undefined) return fields;
    throw new StoreFailure('the response is not one of a key-value store of version 2');
  }

  async #token(): Promise<string> {
    const { token, kubernetes } = this.#access;
    if (token !== undefined) return token;
    if (kubernetes === undefined)
      throw new StoreFailure('set VAULT_TOKEN, or LATCHKEY_VAULT_KUBERNETES_ROLE in Kubernetes');
    return this.#login.get('', () => this.#logIn(kubernetes));
  }

  async #logIn({ role, mount, serviceAccountToken: jwt }: NonNullable<VaultAccess['kubernetes']>): Promise<string> {
    if (jwt === undefined) throw new StoreFailure('this machine has no token of a Kubernetes service account');
    const body = JSON.stringify({ role, jwt });
    const response = await this.#request('POST', `auth/${encodePath(mount)}/login`, { body });
    const refused = 'Vault rejected the login with the Kubernetes service account';
    requireOk(response, service, {
      400: `${refused} (400)`,
      403: `${refused} (403)`,
      404: `${refused} (404): LATCHKEY_VAULT_KUBERNETES_MOUNT may be wrong`,
    });
    const token = textIn(objectIn(readObject(response, service), 'auth'), 'client_token');
    if (token === undefined) throw new StoreFailure('the response of Vault to the login has no token');
    return token;
  }

  #request(method: 'GET' | 'POST', path: string, { token, body }: { readonly token?: string; readonly body?: string }) {
    const { address, namespace, certificateAuthority } = this.#access;
    if (address === undefined) throw new StoreFailure('set VAULT_ADDR');
    const headers = {
      // Vault Agent rejects requests without it, so that a page cannot send them (SSRF).
      'x-vault-request': 'true',
      ...(token === undefined ? {} : { 'x-vault-token': token }),
      ...(namespace === undefined ? {} : { 'x-vault-namespace': namespace }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    };
    const url = new URL(`${withoutTrailing(address, '/')}/v1/${path}`);
    return this.#send({ target: 'service', url, method, headers, certificateAuthority, ...(body && { body }) });
  }
}

function encodePath(path: string): string {
  return path.split('/').map(encodeURIComponent).join('/');
}
