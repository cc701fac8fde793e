import { beforeAll, describe, expect, it } from 'vitest';
import { Application } from '#test/support/application.ts';
import { operator } from '#test/support/operator.ts';
import { addCookieSession, addLoggedInUser, isAccepted, type Tokens } from '#test/support/user-actions.ts';
import { revokeSigningKey } from './index.ts';

let app: Application;
let otherNode: Application;

beforeAll(async () => {
  app = await Application.open();
  otherNode = await Application.open({ deploymentOf: app });
  return async () => {
    await otherNode.close();
    await app.close();
  };
});

const nodes = () => [app, otherNode];

async function publishedBy(node: Application): Promise<string[]> {
  const { text } = await node.send('GET', '/.well-known/jwks.json');
  return (JSON.parse(text) as { readonly keys: readonly { readonly kid: string }[] }).keys.map(({ kid }) => kid);
}

describe('revocation of a signing key', () => {
  it('rejects its tokens on both nodes, cached ones too, and removes it from both JWK Sets', async () => {
    const kid = app.services.signingKeys.current().kid;
    const { accessToken, refreshToken } = await addLoggedInUser(app);
    const { cookie } = await addCookieSession(app);
    for (const node of nodes()) expect(await isAccepted(node, accessToken)).toBe(true);
    await revokeSigningKey(app.services, operator, kid);
    expect(await isAccepted(app, accessToken)).toBe(false);
    await otherNode.services.revocations.read();
    expect(await isAccepted(otherNode, accessToken)).toBe(false);
    for (const node of nodes()) expect(await publishedBy(node)).not.toContain(kid);

    const { status, data } = await app.send<Tokens>('POST', '/api/v1/auth/refresh', { json: { refreshToken } });
    expect(status).toBe(200);
    for (const node of nodes()) {
      expect(await isAccepted(node, data.accessToken)).toBe(true);
      expect((await node.send('GET', '/api/v1/auth/session', { cookie })).status).toBe(200);
    }
  });
});
