/** `latchkey keys`: the keys that sign tokens, and the data keys. */
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

/** The commands. */
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
    summary: 'Sign with the next key from now on; the old one verifies until its last token ends',
    arguments: [],
    options: {
      now: {
        type: 'boolean',
        description: 'Do not wait until every cache knows the next key; some may refuse tokens for minutes',
      },
    },
    run: async (input, services) => answerOf(await rotateSigningKey(services, operator, isGiven(input, 'now'))),
  },
  {
    needs: 'services',
    name: 'keys revoke',
    summary: 'End a signing key that leaked: every token that it signed is refused; sessions live on',
    arguments: ['KID'],
    options: {},
    run: async (input, services) => {
      const kid = input.arguments[0] ?? '';
      const revocation = await revokeSigningKey(services, operator, kid);
      return answerOfRevocation(revocation, kid, services.signingKeys.current().kid);
    },
  },
  {
    needs: 'services',
    name: 'keys rotate-data',
    summary: `Make a new data key for a purpose: ${keyPurposes.join(', ')}`,
    arguments: ['PURPOSE'],
    options: {},
    run: async (input, services) => {
      const purpose = readPurpose(input.arguments[0] ?? '');
      if ((await rotateDataKey(services, operator, purpose)) === 'already_rotated')
        throw new OperatorError('Somebody else has rotated this key at the same time.', 1);
      const text = `There is a new data key for "${purpose}"; every node uses it from ${spreadSeconds} s on.`;
      return { exitCode: 0, text, data: { purpose, usedAfterSeconds: spreadSeconds } };
    },
  },
];

function readPurpose(text: string): KeyPurpose {
  const purpose = keyPurposes.find((known) => known === text);
  if (purpose === undefined)
    throw new UsageError(`There is no purpose "${text}"; there are: ${keyPurposes.join(', ')}.`);
  return purpose;
}

function answerOf(rotation: Rotation): CommandResult {
  switch (rotation.kind) {
    case 'rotated': {
      const { kid, retiredKid } = rotation;
      const until = rotation.publishedUntil.toISOString();
      const text = `${kid} signs from now on; ${retiredKid} verifies until ${until}.`;
      return { exitCode: 0, text, data: { kid, retiredKid, publishedUntil: until } };
    }
    case 'too_early': {
      const at = rotation.possibleAt.toISOString();
      throw new OperatorError(
        `Verifiers may not know the next key ${rotation.kid} yet: rotate after ${at}, or with --now.`,
        1,
      );
    }
    case 'already_rotated':
      throw new OperatorError('Somebody else has rotated the key at the same time.', 1);
  }
}

// That it is dead already is no failure: a script may say it twice.
function answerOfRevocation(revocation: KeyRevocation, kid: string, signsNow: string): CommandResult {
  switch (revocation.kind) {
    case 'revoked': {
      const cached = `Verifiers that keep the JWKS may accept them for up to ${jwksCacheSeconds} s more.`;
      const text = `Every token that ${kid} signed is refused from now on; ${signsNow} signs. ${cached}`;
      return { exitCode: 0, text, data: { kid, changed: true, was: revocation.was, signsNow } };
    }
    case 'dead_already':
      return { exitCode: 0, text: `${kid} verifies nothing any more.`, data: { kid, changed: false } };
    case 'unknown':
      throw new OperatorError(`There is no signing key "${kid}".`, 1);
  }
}

function describe(key: SigningKeyEntry): string[] {
  const { kid, algorithm, state, createdAt, publishedUntil } = key;
  const until = publishedUntil === null ? '' : `verifies until ${publishedUntil.toISOString()}`;
  return [kid, algorithm, state, `made ${createdAt.toISOString()}`, until];
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
