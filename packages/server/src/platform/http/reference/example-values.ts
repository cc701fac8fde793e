/**
 * Values that the response examples of all endpoints share, so that the examples describe one account.
 * The secrets have the right form and a wrong checksum, so that no scanner of source code reports them.
 */
export const exampleValues = {
  requestId: '019b7ca9-9c28-7c3b-8f51-2a6d0e94b7f3',
  userId: '019b7ca9-8c88-7d4e-9a3b-5f2c8e1d6a70',
  sessionId: '019b7ca9-9c2c-7a15-b6e8-41d7c03f9a52',
  email: 'ada@example.com',
  newEmail: 'ada.lovelace@example.com',
  createdAt: '2026-01-02T03:04:05.000Z',
  authTime: '2026-01-02T03:04:09.000Z',
  /** 30 days after the login. */
  expiresAt: '2026-02-01T03:04:09.000Z',
  /** 15 minutes. */
  accessTokenSeconds: 900,
  accessToken:
    'eyJhbGciOiJFUzI1NiIsInR5cCI6ImF0K2p3dCIsImtpZCI6IjIwMjYtMDEifQ.' +
    'eyJpc3MiOiJodHRwczovL2F1dGguZXhhbXBsZS5jb20iLCJzdWIiOiIwMTliN2NhOS04Yzg4LTdkNGUtOWEzYi01ZjJjOGUxZDZhNzAifQ.' +
    'Ap0RjOQXhs0AiB6hTs9HWyfaB2N87y9oUeP4aOau0CPF3NV8qwRfKl6KdjiAJqYd2DJPAR-ckeWACF8Of8nWHA',
  refreshToken: 'lk_rt_TqfDTXCPP39eSD0DMNTL6wBJfXTpgNijtP5pcjS4HHk000000',
  deviceToken: 'lk_dv_rw7RliRgcQ6EqtZPHyvaw91AgIhTn7WYEH-uOn_BwVY000000',
  ticket: 'lk_lt_2fGfQ7mQm3yVY0XcZ1dXo0tq8Jw5sYb3r6v9nKcE4uA000000',
  browserToken: 'lk_lb_QRVsbn7skhCyKr1nKJmk9flI3-BOfHv3Fzsqt9ANIbI000000',
} as const;
