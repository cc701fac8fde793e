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

/** Codes only, because nodemailer's messages quote addresses. */
function describe(error: SmtpError): string {
  const { code, originalCode, command, responseCode } = error;
  const parts = [code, originalCode, command === undefined ? undefined : `at ${command}`, responseCode];
  return parts.filter((part) => part !== undefined && part !== '').join(' ') || error.name;
}
