/** `latchkey keys`: lists, rotates and revokes signing keys, and rotates data keys. */
import {
  jwksCacheSeconds,
  type KeyRevocation,
  type Rotation,
  type SigningKeyEntry,
} from '#domain/signing-keys/index.ts';
import { revokeSigningKey, rotateDataKey, rotateSigningKey } from '#flows/rotate-keys/index.ts';
import { type KeyPurpose, keyPurposes, spreadSeconds } from '#platform/keys/index.ts';
import { OperatorError } from '../operator-error.ts';
import { operator } from './actor.ts';
import { type CommandResult, isGiven, type ServiceCommand, UsageError } from './command.ts';
import { inColumns } from './table.ts';

export const keysCommands: readonly ServiceCommand[] = [
  {
    needs: 'services',
    name: 'keys list',
    summary: 'List the signing keys, oldest first',
    arguments: [],
    options: {},
    run: async (_, { signingKeys }) => {
      const keys = await signingKeys.list();
      return { exitCode: 0, text: inColumns(keys.map(describe)), data: keys.map(toJson) };
    },
  },
  {
    needs: 'services',
    name: 'keys rotate',
    summary: 'Sign with the next key; the previous one verifies until its last token expires',
    arguments: [],
    options: {
      now: {
        type: 'boolean',
        description: 'Do not wait until caches have the next key; verifiers may reject tokens for minutes',
      },
    },
    run: async (input, services) => rotationResult(await rotateSigningKey(services, operator, isGiven(input, 'now'))),
  },
  {
    needs: 'services',
    name: 'keys revoke',
    summary: 'Revoke a leaked signing key: all tokens that it signed are rejected; sessions continue',
    arguments: ['KID'],
    options: {},
    run: async (input, services) => {
      const kid = input.arguments[0] ?? '';
      const revocation = await revokeSigningKey(services, operator, kid);
      return revocationResult(revocation, kid, services.signingKeys.current().kid);
    },
  },
  {
    needs: 'services',
    name: 'keys rotate-data',
    summary: `New key: ${keyPurposes.join(', ')}`,
    arguments: ['PURPOSE'],
    options: {},
    run: async (input, services) => {
      const purpose = readPurpose(input.arguments[0] ?? '');
      if ((await rotateDataKey(services, operator, purpose)) === 'already_rotated')
        throw new OperatorError('Another process rotated this key at the same time.', 1);
      const text = `Generated a new data key for "${purpose}". All nodes use it after ${spreadSeconds} s.`;
      return { exitCode: 0, text, data: { purpose, usedAfterSeconds: spreadSeconds } };
    },
  },
];

function readPurpose(text: string): KeyPurpose {
  const purpose = keyPurposes.find((known) => known === text);
  if (purpose === undefined)
    throw new UsageError(`There is no purpose "${text}". Choose one of: ${keyPurposes.join(', ')}.`);
  return purpose;
}

function rotationResult(rotation: Rotation): CommandResult {
  switch (rotation.kind) {
    case 'rotated': {
      const { kid, retiredKid } = rotation;
      const until = rotation.publishedUntil.toISOString();
      const text = `${kid} is now the signing key. ${retiredKid} verifies until ${until}.`;
      return { exitCode: 0, text, data: { kid, retiredKid, publishedUntil: until } };
    }
    case 'too_early': {
      const at = rotation.possibleAt.toISOString();
      throw new OperatorError(
        `Verifiers may not have the next key ${rotation.kid} yet. Rotate after ${at}, or use --now.`,
        1,
      );
    }
    case 'already_rotated':
      throw new OperatorError('Another process rotated the signing key at the same time.', 1);
  }
}

/** A key that was already revoked is a success, so that scripts can repeat the command. */
function revocationResult(revocation: KeyRevocation, kid: string, signsNow: string): CommandResult {
  switch (revocation.kind) {
    case 'revoked': {
      const cached = `Verifiers that cache the JWKS may accept them for up to ${jwksCacheSeconds} s.`;
      const text = `All tokens signed by ${kid} are rejected now. ${cached} The signing key is ${signsNow}.`;
      return { exitCode: 0, text, data: { kid, changed: true, was: revocation.was, signsNow } };
    }
    case 'dead_already':
      return { exitCode: 0, text: `${kid} does not verify tokens any more.`, data: { kid, changed: false } };
    case 'unknown':
      throw new OperatorError(`There is no signing key "${kid}".`, 1);
  }
}

function describe(key: SigningKeyEntry): string[] {
  const { kid, algorithm, state, createdAt, publishedUntil } = key;
  const until = publishedUntil === null ? '' : `verifies until ${publishedUntil.toISOString()}`;
  return [kid, algorithm, state, `created ${createdAt.toISOString()}`, until];
}

function toJson(key: SigningKeyEntry) {
  const { kid, algorithm, state } = key;
  return {
    kid,
    algorithm,
    state,
    createdAt: key.createdAt.toISOString(),
    activatedAt: key.activatedAt?.toISOString() ?? null,
    retiredAt: key.retiredAt?.toISOString() ?? null,
    publishedUntil: key.publishedUntil?.toISOString() ?? null,
  };
}
