import { changeAgainstReset, resetLink } from './password-races.ts';
import type { Race } from './race.ts';
import { refresh, refreshAgainstDisable, refreshAgainstLogoutAll } from './refresh-races.ts';
import {
  bothLinks,
  registrationsBesidePress,
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
  registrationsBesidePress,
  refresh,
  refreshAgainstLogoutAll,
  refreshAgainstDisable,
  resetLink,
  changeAgainstReset,
];
