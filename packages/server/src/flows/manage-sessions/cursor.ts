/** Cursors of the list of sessions ([ADR 0011](../../../../../docs/adr/0011-cursors.md)). */
import { timingSafeEqual } from 'node:crypto';
import { z } from 'zod';
import type { SessionPosition } from '#domain/sessions/index.ts';
import type { KeyRing } from '#platform/keys/index.ts';

type CursorKeys = Pick<KeyRing, 'mac' | 'currentKeyId' | 'knows'>;

/** The longest cursor that is read. */
export const maxCursorLength = 300;

const positionSchema = z.tuple([z.int(), z.uuid(), z.uuid()]);

/** Authenticated for one user. It names its key, so that it is valid after the key was replaced. */
export function writeCursor(keys: CursorKeys, userId: string, { createdAt, id }: SessionPosition): string {
  const keyId = keys.currentKeyId('cursor');
  const position = Buffer.from(JSON.stringify([createdAt.getTime(), id, keyId])).toString('base64url');
  return `${position}.${macOf(keys, userId, position, keyId).toString('base64url')}`;
}

/** The position of a cursor; undefined when this server did not issue it for this user. */
export function readCursor(keys: CursorKeys, userId: string, cursor: string): SessionPosition | undefined {
  const [position = '', mac = ''] = cursor.split('.');
  const parsed = positionSchema.safeParse(parse(position));
  if (!parsed.success) return undefined;
  const [time, id, keyId] = parsed.data;
  if (!keys.knows('cursor', keyId)) return undefined;
  const [expected, given] = [macOf(keys, userId, position, keyId), Buffer.from(mac, 'base64url')];
  const isValid = expected.length === given.length && timingSafeEqual(expected, given);
  return isValid ? { createdAt: new Date(time), id } : undefined;
}

function macOf(keys: CursorKeys, userId: string, position: string, keyId: string): Buffer {
  return keys.mac('cursor', `sessions:${userId}:${position}`, keyId);
}

function parse(position: string): unknown {
  try {
    return JSON.parse(Buffer.from(position, 'base64url').toString('utf8'));
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
