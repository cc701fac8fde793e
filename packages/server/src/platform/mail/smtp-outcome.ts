import type { SendOutcome } from './message.ts';
import { cleanReply } from './smtp-reply.ts';

/** What nodemailer knows about a failure. */
interface SmtpError extends Error {
  readonly code?: string;
  readonly originalCode?: string;
  readonly command?: string;
  readonly response?: string;
  readonly responseCode?: number;
}

/** The server's yes to the whole message. */
export function readAcceptance(response: string): SendOutcome {
  return { kind: 'accepted', code: Number.parseInt(response, 10) || 250, reply: cleanReply(response) };
}

/**
 * What an error of nodemailer says about the message.
 * Only an answer to MAIL, RCPT or DATA (`EENVELOPE`) or to the final dot (`EMESSAGE`) is about the message. Others, such
 * as a refused greeting or a wrong password, are about the server and us, and must not make a message undeliverable.
 * After the final dot only `EMESSAGE` is a full answer: a `421` out of turn, or half a line before the connection broke,
 * leaves the message in doubt.
 *
 * @param endReached whether the end of the message may have been sent.
 */
export function classifyError(error: unknown, endReached: boolean): SendOutcome {
  if (!(error instanceof Error)) return { kind: endReached ? 'in_doubt' : 'failed', reason: 'not an error' };
  const { code = '', responseCode = 0, response = '' }: SmtpError = error;
  const answered = endReached ? code === 'EMESSAGE' : code === 'EENVELOPE' || code === 'EMESSAGE';
  if (answered && responseCode >= 400 && responseCode < 600) {
    return { kind: 'refused', code: responseCode, reply: cleanReply(response), permanent: isPermanent(responseCode) };
  }
  return { kind: endReached ? 'in_doubt' : 'failed', reason: describe(error) };
}

/** RFC 5321 §4.2.1; 503 is about the order of commands, so a new connection may do better. */
function isPermanent(code: number): boolean {
  return code >= 500 && code !== 503;
}

/** Codes only: nodemailer's messages quote addresses. */
function describe(error: SmtpError): string {
  const { code, originalCode, command, responseCode } = error;
  const parts = [code, originalCode, command === undefined ? undefined : `at ${command}`, responseCode];
  return parts.filter((part) => part !== undefined && part !== '').join(' ') || error.name;
}
