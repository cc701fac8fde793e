/**
 * Names that the field's terms replaced; they must not come back as identifiers, file names or folders.
 * Ordinary words ("thing", "door") are left to reviewers.
 */
import { type Finding, findingAt, nodesOf, type Source } from './source.ts';

type Replaced = { readonly name: string; readonly reason: string };

const replaced: readonly Replaced[] = [
  ...names(
    'endings Ending endedHere endingsFeed EndingsFeed',
    'a revocation; what is revoked is in the revocation feed',
  ),
  ...names('promiseMail PromisedMail onPromised isPromised', 'a mail is enqueued: enqueueMail, QueuedMail, isQueued'),
  ...names('askedMails AskedMails', 'a mail request: domain/mail-requests'),
  ...names('issuedSessions IssuedSessions', 'the gate (domain/authentication) or domain/session-issuance'),
  ...names('CountedUse', 'a quota reservation: QuotaReservation'),
  ...names('Asked Answering Asking', 'HTTP: IncomingRequest, Reply, LimitContext'),
  ...names('Surroundings', 'Requester, ClientInfo or EndpointDeps'),
  ...names('Place', 'AssociatedData, Slot or CommandContext'),
  ...names('demandGuess demandOpen', 'requireAttempt, requireEnabled'),
  ...names('forgiveAttempts', 'resetFailedAttempts'),
  ...names('tellOfGuesses', 'failedLoginNotice'),
  ...names('told', 'notified'),
  ...names('isTold', 'shouldNotify'),
  ...names('Door Doors Enter Entering', 'LoginMethod, LoginMethods, MailLogin'),
  ...names('CarriedRegistration', 'PendingRegistration'),
  ...names('keepAccount closeAccount', 'deleteAccount, cancelDeletion'),
  ...names('fates', 'outcomes'),
  ...names('whatEnds', 'the revocation matrix: revocationMatrix'),
  ...names('inWholeSteps', 'roundUpDuration'),
  ...names('killOthers', 'revokeOthers'),
  ...names('isOver', 'isGracePeriodOver, isExpired'),
  ...names('isLive', 'isActive'),
];

/** The same in the names of files and folders. */
const replacedPaths: readonly Replaced[] = [
  ...names('endings', 'revocations'),
  ...names('asked-mails', 'mail-requests'),
  ...names('issued-sessions', 'authentication'),
  ...names('keep-account close-account', 'cancel-deletion, delete-account'),
  ...names('tell-of-guesses', 'failed-login-notice'),
  ...names('what-ends ends', 'revocation-matrix'),
  ...names('whole-steps', 'round-up-duration'),
];

function names(list: string, reason: string): Replaced[] {
  return list.split(' ').map((name) => ({ name, reason }));
}

const reasons = new Map(replaced.map(({ name, reason }) => [name, reason]));
const pathReasons = new Map(replacedPaths.map(({ name, reason }) => [name, reason]));

/** Checks identifiers and the path; words of strings and comments are read by people. */
export function checkOldNames(source: Source): Finding[] {
  const identifiers = nodesOf(source.program).filter((node) => node.type === 'Identifier');
  const inCode = identifiers.flatMap(({ name: identifier, start }) => {
    const name = String(identifier);
    const reason = reasons.get(name);
    return reason === undefined ? [] : [findingAt(source, start, 'old_name', `"${name}" was replaced: ${reason}`)];
  });
  const inPath = source.path.split(/[/.]/).flatMap((part) => {
    const reason = pathReasons.get(part) ?? (part.startsWith('operate-') ? 'flows/admin-…' : undefined);
    return reason === undefined ? [] : [findingAt(source, 0, 'old_name', `"${part}" was replaced: ${reason}`)];
  });
  return [...inPath, ...inCode];
}
