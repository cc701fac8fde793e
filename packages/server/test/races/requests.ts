import type { ApiResult, Client, Tokens } from '../../../../e2e/support/client.ts';

/** The data of a login that requires the step `cancel_deletion`. */
export type StepRequired = { readonly step?: string; readonly ticket?: string };

export function requestChange(node: Client, newEmail: string, currentPassword: string, token: string) {
  return node.api('POST', '/users/me/email', { token, body: { newEmail, currentPassword } });
}

export function cancelChange(node: Client, token: string): Promise<ApiResult<unknown>> {
  return node.api('DELETE', '/users/me/email', { token });
}

export function confirmChange(node: Client, link: string): Promise<ApiResult<unknown>> {
  return node.api('POST', '/auth/confirm-email-change', { body: { token: link } });
}

export function undoChange(node: Client, link: string, password: string): Promise<ApiResult<unknown>> {
  return node.api('POST', '/auth/undo-email-change', { body: { token: link, password } });
}

export function deleteAccount(node: Client, currentPassword: string, token: string): Promise<ApiResult<unknown>> {
  return node.api('DELETE', '/users/me', { token, body: { currentPassword } });
}

export function cancelByLink(node: Client, link: string): Promise<ApiResult<unknown>> {
  return node.api('POST', '/auth/cancel-deletion', { body: { token: link } });
}

export function cancelByTicket(node: Client, ticket: string): Promise<ApiResult<unknown>> {
  return node.api('POST', '/auth/cancel-deletion', { body: { ticket } });
}

export function setUpOwner(
  node: Client,
  body: { readonly token: string; readonly name: string; readonly password: string },
): Promise<ApiResult<unknown>> {
  return node.api('POST', '/auth/setup', { body });
}

export function acceptInvitation(
  node: Client,
  link: string,
  { name, password }: { readonly name: string; readonly password: string },
): Promise<ApiResult<unknown>> {
  return node.api('POST', '/auth/accept-invitation', { body: { token: link, name, password } });
}

/** A login that may return a session or a step. */
export function tryLogin(
  node: Client,
  email: string,
  password: string,
): Promise<ApiResult<Partial<Tokens> & StepRequired>> {
  return node.api('POST', '/auth/login', { body: { email, password } });
}
