const maxLength = 300;
/** Expressions take quadratic time in the length of a word, and a server may send any. */
const maxCharactersRead = 2_000;

/**
 * Redacts an SMTP reply for the mail ledger. Servers quote the recipient's address, and spam filters quote links; the
 * ledger must contain neither addresses (erasure) nor secrets (invariant 16).
 */
export function cleanReply(reply: string): string {
  return beginningOf(reply)
    .replace(/\p{C}+/gu, ' ')
    .replace(/[a-z][a-z0-9+.-]*:\/\/\S+/gi, '<link>')
    .replace(/\blk_[a-z]{2}_\S+/g, '<secret>')
    .replace(/[^\s<>]*@[^\s<>]*/g, '<address>')
    .replace(/ {2,}/g, ' ')
    .trim()
    .slice(0, maxLength);
}

/** Without a part of a word at its end, which could be that of an address. */
function beginningOf(reply: string): string {
  return reply.length <= maxCharactersRead ? reply : reply.slice(0, maxCharactersRead).replace(/\S+$/, '');
}
