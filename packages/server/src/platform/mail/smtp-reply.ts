const maxLength = 300;

/**
 * A server's answer, fit to be kept: servers quote the recipient's address, and filters quote links, but the ledger
 * must hold neither (an erased person's address, a secret).
 */
export function cleanReply(reply: string): string {
  return reply
    .replace(/\p{C}+/gu, ' ')
    .replace(/[a-z][a-z0-9+.-]*:\/\/\S+/gi, '<link>')
    .replace(/\blk_[a-z]{2}_\S+/g, '<secret>')
    .replace(/[^\s<>]*@[^\s<>]*/g, '<address>')
    .replace(/ {2,}/g, ' ')
    .trim()
    .slice(0, maxLength);
}
