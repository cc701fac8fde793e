/** `latchkey user metadata`: what applications and operators keep about a user. */
import type { Metadata } from '#domain/users/index.ts';
import { findMetadata, maxMetadataBytes } from '#domain/users/index.ts';
import { changeMetadata } from '#flows/admin-users/index.ts';
import type { JsonObject, JsonValue } from '#kernel/json.ts';
import { canonicalJson } from '#protocol/canonical-json/index.ts';
import { parseStrictJson } from '#protocol/strict-json/index.ts';
import type { Services } from '../wiring.ts';
import { operator } from './actor.ts';
import { type CommandInput, type CommandResult, textOf, UsageError } from './command.ts';
import { inColumns } from './table.ts';
import { idOrEmail, requireUser, unknownUser } from './user-argument.ts';

const maxDepth = 16;

/** The command. */
export const metadataCommand = {
  needs: 'services',
  name: 'user metadata',
  summary: 'Show what is kept about a user, or replace it',
  arguments: [idOrEmail],
  options: {
    'set-public': {
      type: 'string',
      value: 'JSON',
      description: 'A JSON object that the user and every application may read, at most 8 kB',
    },
    'set-private': { type: 'string', value: 'JSON', description: 'A JSON object for operators alone, at most 8 kB' },
  },
  run: async (input: CommandInput, services: Services): Promise<CommandResult> => {
    const wanted = {
      ...objectOf(input, 'set-public', 'public'),
      ...objectOf(input, 'set-private', 'private'),
    };
    const userId = await requireUser(services, input);
    if (Object.keys(wanted).length > 0) await change(services, userId, wanted, input);
    const metadata = await findMetadata(services.database, userId);
    if (metadata === undefined) throw unknownUser(input);
    return { exitCode: 0, text: inColumns(metadataRows(metadata)), data: metadataToJson(userId, metadata) };
  },
} as const;

/** Two lines for people. */
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
  wanted: Partial<Metadata>,
  input: CommandInput,
): Promise<void> {
  const { kind } = await changeMetadata(services, operator, userId, wanted);
  if (kind === 'absent') throw unknownUser(input);
  if (kind === 'too_large') throw new UsageError(`Metadata have at most ${maxMetadataBytes} bytes each.`);
}

function objectOf<K extends keyof Metadata>(input: CommandInput, option: string, kind: K): Partial<Metadata> {
  const text = textOf(input, option);
  return text === undefined ? {} : { [kind]: parseObject(text, option) };
}

/** A JSON object that jsonb keeps as it is. @throws UsageError */
function parseObject(text: string, option: string): JsonObject {
  const parsed = parseStrictJson(text, { maxDepth });
  if (parsed.kind === 'invalid')
    throw new UsageError(`--${option} is not strict JSON at character ${parsed.offset + 1}.`);
  const value = parsed.value as JsonValue;
  if (!isObject(value)) throw new UsageError(`--${option} takes a JSON object, such as {"plan":"pro"}.`);
  if (!canBeStored(value)) throw new UsageError(`--${option} holds a character or number that cannot be stored.`);
  return value;
}

function isObject(value: JsonValue): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

const escapedNul = /(?<!\\)(?:\\\\)*\\u0000/;

// jsonb has neither NUL nor lone surrogates (PostgreSQL, JSON Types), and numbers beyond doubles would become null.
function canBeStored(value: JsonObject): boolean {
  try {
    return !escapedNul.test(canonicalJson(value));
  } catch (error) {
    if (error instanceof TypeError) return false;
    throw error;
  }
}
