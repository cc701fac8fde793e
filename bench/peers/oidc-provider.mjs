/**
 * node-oidc-provider with its state in memory: refresh tokens rotate, and each exchange returns one JWT signed by ES256, as
 * Latchkey's. The state is in a Map, because the bundled adapter is for development: it keeps a list of all tokens of a
 * grant and copies it at each rotation.
 * Arguments: the number of refresh tokens, one for each connection. The parent gets them and the port as the first message.
 */
import { generateKeyPairSync } from 'node:crypto';
import { createServer } from 'node:http';
import { Provider } from 'oidc-provider';

const stored = new Map();

class MapAdapter {
  constructor(model) {
    this.model = model;
  }

  #key(id) {
    return `${this.model} ${id}`;
  }

  async upsert(id, payload) {
    stored.set(this.#key(id), payload);
  }

  async find(id) {
    return stored.get(this.#key(id));
  }

  async consume(id) {
    stored.get(this.#key(id)).consumed = Math.floor(Date.now() / 1000);
  }

  async destroy(id) {
    stored.delete(this.#key(id));
  }

  async revokeByGrantId(grantId) {
    for (const [key, payload] of stored) if (payload.grantId === grantId) stored.delete(key);
  }
}

const clientId = 'bench';
const resource = 'https://api.example';
const scope = 'offline_access read';
const accountId = 'user';
const daySeconds = 24 * 60 * 60;

const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const key = { ...privateKey.export({ format: 'jwk' }), kid: 'bench', use: 'sig', alg: 'ES256' };
const provider = new Provider('http://127.0.0.1', {
  adapter: MapAdapter,
  jwks: { keys: [key] },
  clients: [
    {
      client_id: clientId,
      token_endpoint_auth_method: 'none',
      application_type: 'native',
      grant_types: ['authorization_code', 'refresh_token'],
      redirect_uris: ['com.example.bench:/callback'],
      id_token_signed_response_alg: 'ES256',
    },
  ],
  scopes: ['offline_access', 'read'],
  cookies: { keys: ['a secret of the bench'] },
  findAccount: async (_context, id) => ({ accountId: id, claims: async () => ({ sub: id }) }),
  rotateRefreshToken: true,
  ttl: { AccessToken: 900, Grant: 30 * daySeconds, RefreshToken: 7 * daySeconds },
  features: {
    devInteractions: { enabled: false },
    resourceIndicators: {
      enabled: true,
      defaultResource: async () => resource,
      useGrantedResource: async () => true,
      getResourceServerInfo: async () => ({
        scope: 'read',
        audience: resource,
        accessTokenTTL: 900,
        accessTokenFormat: 'jwt',
        jwt: { sign: { alg: 'ES256' } },
      }),
    },
  },
});

async function issueRefreshToken(client) {
  const grant = new provider.Grant({ accountId, clientId });
  grant.addOIDCScope('offline_access');
  grant.addResourceScope(resource, 'read');
  const grantId = await grant.save();
  const authTime = Math.floor(Date.now() / 1000);
  return new provider.RefreshToken({
    accountId,
    authTime,
    client,
    grantId,
    gty: 'authorization_code',
    resource,
    scope,
  }).save();
}

const client = await provider.Client.find(clientId);
const tokens = await Promise.all(Array.from({ length: Number(process.argv[2]) }, () => issueRefreshToken(client)));
const server = createServer(provider.callback());
server.listen(0, '127.0.0.1', () => process.send({ port: server.address().port, tokens }));
process.once('disconnect', () => process.exit());
