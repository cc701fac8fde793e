/** `latchkey user metadata`: shows or replaces the metadata of a user. */
import type { Metadata } from '#domain/users/index.ts';
import { findMetadata, maxMetadataBytes } from '#domain/users/index.ts';
import { changeMetadata } from '#flows/admin-users/index.ts';
import type { JsonObject, JsonValue } from '#kernel/json.ts';
import { canonicalJson } from '#protocol/canonical-json/index.ts';
import { type JsonFault, parseStrictJson } from '#protocol/strict-json/index.ts';
import type { Services } from '../wiring.ts';
import { operator } from './actor.ts';
import { type CommandInput, type CommandResult, textOf, UsageError } from './command.ts';
import { inColumns } from './table.ts';
import { idOrEmail, requireUser, unknownUser } from './user-argument.ts';

const maxDepth = 16;

const faults: Readonly<Record<JsonFault['reason'], string>> = {
  syntax: 'JSON syntax error',
  duplicate_key: 'duplicate key',
  forbidden_key: 'forbidden key',
  too_deep: 'too deeply nested',
};

export const metadataCommand = {
  needs: 'services',
  name: 'user metadata',
  summary: 'Show or replace the metadata of a user',
  arguments: [idOrEmail],
  options: {
    'set-public': {
      type: 'string',
      value: 'JSON',
      description: 'A JSON object that the user and all applications can read, at most 8 kB',
    },
    'set-private': {
      type: 'string',
      value: 'JSON',
      description: 'A JSON object that only operators can read, at most 8 kB',
    },
  },
  run: async (input: CommandInput, services: Services): Promise<CommandResult> => {
    const replaced = {
      ...objectOf(input, 'set-public', 'public'),
      ...objectOf(input, 'set-private', 'private'),
    };
    const userId = await requireUser(services, input);
    if (Object.keys(replaced).length > 0) await change(services, userId, replaced, input);
    const metadata = await findMetadata(services.database, userId);
    if (metadata === undefined) throw unknownUser(input);
    return { exitCode: 0, text: inColumns(metadataRows(metadata)), data: metadataToJson(userId, metadata) };
  },
} as const;

export function metadataRows(metadata: Metadata): [string, string][] {
  return [
    ['public metadata', JSON.stringify(metadata.public)],
    ['private metadata', JSON.stringify(metadata.private)],
  ];
}

function metadataToJson(id: string, metadata: Metadata): JsonObject {
  return { id, publicMetadata: metadata.public, privateMetadata: metadata.private };
}

async function change(
  services: Services,
  userId: string,
  replaced: Partial<Metadata>,
  input: CommandInput,
): Promise<void> {
  const { kind } = await changeMetadata(services, operator, userId, replaced);
  if (kind === 'absent') throw unknownUser(input);
  if (kind === 'too_large')
    throw new UsageError(`Public and private metadata are limited to ${maxMetadataBytes} bytes each.`);
}

function objectOf<K extends keyof Metadata>(input: CommandInput, option: string, kind: K): Partial<Metadata> {
  const text = textOf(input, option);
  return text === undefined ? {} : { [kind]: parseObject(text, option) };
}

/** Parses a JSON object that jsonb stores without loss. @throws UsageError */
function parseObject(text: string, option: string): JsonObject {
  const parsed = parseStrictJson(text, { maxDepth });
  if (parsed.kind === 'invalid')
    throw new UsageError(`--${option}: ${faults[parsed.reason]} at character ${parsed.offset + 1}.`);
  const value = parsed.value as JsonValue;
  if (!isObject(value)) throw new UsageError(`--${option} must be a JSON object, such as {"plan":"pro"}.`);
  if (!canBeStored(value)) throw new UsageError(`--${option} contains a character or number that cannot be stored.`);
  return value;
}

function isObject(value: JsonValue): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

const escapedNul = /(?<!\\)(?:\\\\)*\\u0000/;

// jsonb has neither NUL nor lone surrogates (PostgreSQL manual, "JSON Types"); numbers beyond doubles would become null.
function canBeStored(value: JsonObject): boolean {
  try {
    return !escapedNul.test(canonicalJson(value));
  } catch (error) {
    if (error instanceof TypeError) return false;
    throw error;
  }
}
