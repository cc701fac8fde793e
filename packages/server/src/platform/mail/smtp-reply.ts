const maxLength = 300;

/**
 * Redacts an SMTP reply for the mail ledger. Servers quote the recipient's address, and spam filters quote links; the
 * ledger must contain neither addresses (erasure) nor secrets (invariant 16).
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
