import {
  cancelAgainstErase,
  cancelByBoth,
  cancelLink,
  deleteAgainstLogin,
  deleteAgainstRefresh,
  eraseAgainstLogin,
} from './deletion-races.ts';
import {
  confirmAgainstCancel,
  confirmAgainstConfirm,
  confirmAgainstRegistration,
  confirmAgainstUndo,
  undoLink,
} from './email-races.ts';
import { acceptAgainstRegistration, acceptAgainstRevoke, invitationLink, invitationOfTwo } from './invitation-races.ts';
import { emailCode, guessedCode, magicLink } from './mail-login-races.ts';
import { setUpLink } from './owner-races.ts';
import { passkeyLogin, passkeyOfTicket, removeAgainstLogin } from './passkey-races.ts';
import { changeAgainstLogoutAll, changeAgainstReset, changePassword, resetLink } from './password-races.ts';
import { firstSignIn, linkAgainstLink, linkAgainstUnlink, providerState } from './provider-races.ts';
import type { Race } from './race.ts';
import { refresh, refreshAgainstDisable, refreshAgainstLogoutAll } from './refresh-races.ts';
import { enrollAgainstLogin, recoveryCode, totpCode } from './second-factor-races.ts';
import {
  guessedSignUpCode,
  signUpCode,
  signUpLink,
  signUpLinkAgainstCode,
  signUpsOfOneAddress,
  ticketOfTakenAddress,
} from './sign-up-races.ts';
import { disableAgainstReset } from './status-races.ts';
import {
  bothLinks,
  registrationsDuringVerification,
  spellings,
  twoRegistrations,
  verificationLink,
} from './verification-races.ts';

/** Every race that two nodes must survive. */
export const races: readonly Race[] = [
  verificationLink,
  spellings,
  ...twoRegistrations,
  bothLinks,
  registrationsDuringVerification,
  signUpLink,
  signUpCode,
  signUpLinkAgainstCode,
  guessedSignUpCode,
  ...signUpsOfOneAddress,
  ticketOfTakenAddress,
  refresh,
  refreshAgainstLogoutAll,
  refreshAgainstDisable,
  resetLink,
  changeAgainstReset,
  changePassword,
  changeAgainstLogoutAll,
  disableAgainstReset,
  undoLink,
  confirmAgainstUndo,
  confirmAgainstCancel,
  confirmAgainstConfirm,
  confirmAgainstRegistration,
  deleteAgainstRefresh,
  deleteAgainstLogin,
  cancelLink,
  cancelByBoth,
  cancelAgainstErase,
  eraseAgainstLogin,
  passkeyLogin,
  passkeyOfTicket,
  removeAgainstLogin,
  providerState,
  firstSignIn,
  linkAgainstLink,
  linkAgainstUnlink,
  invitationLink,
  invitationOfTwo,
  acceptAgainstRevoke,
  acceptAgainstRegistration,
  magicLink,
  emailCode,
  guessedCode,
  totpCode,
  recoveryCode,
  enrollAgainstLogin,
  setUpLink,
];
