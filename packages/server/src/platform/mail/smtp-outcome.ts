import type { SendOutcome } from './message.ts';
import { cleanReply } from './smtp-reply.ts';

/** The members that nodemailer adds to its errors. */
interface SmtpError extends Error {
  readonly code?: string;
  readonly originalCode?: string;
  readonly command?: string;
  readonly response?: string;
  readonly responseCode?: number;
}

/** The outcome for the server's positive reply to the final dot. */
export function readAcceptance(response: string): SendOutcome {
  return { kind: 'accepted', code: Number.parseInt(response, 10) || 250, reply: cleanReply(response) };
}

/**
 * Maps an error of nodemailer to an outcome.
 * Only a reply to MAIL, RCPT or DATA (`EENVELOPE`) or to the final dot (`EMESSAGE`) rejects the message. Other errors, such
 * as a rejected greeting or a wrong password, concern the connection and must not make a message undeliverable.
 * After the final dot only `EMESSAGE` is a complete reply: an unsolicited `421`, or half a line before the connection was
 * lost, leaves the message in doubt.
 *
 * @param endReached whether the end of the message may have been sent.
 */
export function classifyError(error: unknown, endReached: boolean): SendOutcome {
  if (!(error instanceof Error)) return { kind: endReached ? 'in_doubt' : 'failed', reason: 'not an error' };
  const { code = '', responseCode = 0, response = '' }: SmtpError = error;
  const isReply = endReached ? code === 'EMESSAGE' : code === 'EENVELOPE' || code === 'EMESSAGE';
  if (isReply && responseCode >= 400 && responseCode < 600) {
    return { kind: 'refused', code: responseCode, reply: cleanReply(response), permanent: isPermanent(responseCode) };
  }
  return { kind: endReached ? 'in_doubt' : 'failed', reason: describe(error) };
}

/** RFC 5321 §4.2.1. 503 (bad sequence of commands) may succeed on a new connection. */
function isPermanent(code: number): boolean {
  return code >= 500 && code !== 503;
}

/** The cause of errors whose code does not suggest it. */
const causes: Readonly<Record<string, string>> = {
  ERR_SSL_WRONG_VERSION_NUMBER: '(no TLS from the start at this port: use smtp:)',
  DEPTH_ZERO_SELF_SIGNED_CERT: '(a private certificate: name its authority in NODE_EXTRA_CA_CERTS)',
  SELF_SIGNED_CERT_IN_CHAIN: '(a private authority: name it in NODE_EXTRA_CA_CERTS)',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: '(an unknown authority: name it in NODE_EXTRA_CA_CERTS)',
};

/** Codes and the redacted reply, because nodemailer's messages quote addresses. */
function describe(error: SmtpError): string {
  const { code, originalCode = '', command, response = '' } = error;
  const stage = command === undefined ? undefined : `at ${command}`;
  const parts = [code, originalCode, stage, cleanReply(response), causes[originalCode]];
  return parts.filter((part) => part !== undefined && part !== '').join(' ') || error.name;
}
