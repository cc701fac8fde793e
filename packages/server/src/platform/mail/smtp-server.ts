/** The mail server of the settings. */
export interface SmtpServer {
  readonly host: string;
  readonly port: number;
  /**
   * `implicit`: TLS from the first byte. `required`: STARTTLS with a valid certificate. `opportunistic`: STARTTLS if
   * offered, without checking the certificate. `none`: plain text.
   */
  readonly tls: 'implicit' | 'required' | 'opportunistic' | 'none';
  readonly auth: { readonly user: string; readonly pass: string } | null;
}
