import { hash } from 'node:crypto';
import { cryptValue, encodeCrypt64 } from './base64.ts';
import { isSameTag } from './tag.ts';

/**
 * The portable hash of phpass (openwall.com/phpass), iterated MD5: `$P$` of WordPress before 6.8, `$H$` of phpBB 3.
 * Strings only, so that a hash can be sent to a worker thread.
 */
export type PhpassHash = {
  readonly kind: 'phpass';
  readonly rounds: number;
  readonly salt: string;
  /** The last part of the text, in the encoding of crypt(3). */
  readonly encodedTag: string;
};

/** The fourth character is the logarithm of the rounds, 7 to 30. The last one has unused bits, which are zero. */
const form = /^\$[PH]\$([5-9A-S])([./0-9A-Za-z]{8})([./0-9A-Za-z]{21}[./01])$/;

/** Parses a portable hash of phpass; returns null for every other text. The cost is not limited here. */
export function parsePhpass(text: string): PhpassHash | null {
  const match = form.exec(text);
  if (match === null) return null;
  const [, cost = '', salt = '', encodedTag = ''] = match;
  return { kind: 'phpass', rounds: 2 ** cryptValue(cost), salt, encodedTag };
}

/** Each round hashes the whole password. */
const maxPasswordBytes = 256;

/** Whether the hash is of this password. It takes about a microsecond per round, so it runs in a worker thread. */
export function matchesPhpass({ rounds, salt, encodedTag }: PhpassHash, password: string): boolean {
  const key = Buffer.from(password, 'utf8');
  if (key.length > maxPasswordBytes) return false;
  let last = hash('md5', Buffer.concat([Buffer.from(salt, 'latin1'), key]), 'buffer');
  const input = Buffer.concat([last, key]);
  for (let round = 0; round < rounds; round += 1) {
    last.copy(input, 0);
    last = hash('md5', input, 'buffer');
  }
  return isSameTag(Buffer.from(encodeCrypt64(last), 'latin1'), Buffer.from(encodedTag, 'latin1'));
}
