import { type Parsed, parsed, unparsable } from '#kernel/parsed.ts';

/** The meanings of libpq. `require` encrypts without validating the server's certificate. */
export type TlsMode = 'disable' | 'prefer' | 'require' | 'verify-ca' | 'verify-full';

export interface PostgresTls {
  readonly mode: TlsMode;
  /** Paths of PEM files. */
  readonly rootCertificate: string | undefined;
  readonly certificate: string | undefined;
  readonly key: string | undefined;
}

const modes: readonly TlsMode[] = ['disable', 'prefer', 'require', 'verify-ca', 'verify-full'];

/** Parses the parameters that begin with `ssl`; libpq also accepts `ssl=true` of JDBC. */
export function readTls(parameters: ReadonlyMap<string, string>): Parsed<PostgresTls> {
  const ssl = parameters.get('ssl');
  if (ssl !== undefined && ssl !== 'true') return unparsable('write sslmode instead of ssl');
  const written = parameters.get('sslmode') ?? (ssl === undefined ? 'disable' : 'require');
  const mode = modes.find((each) => each === written);
  if (mode === undefined) return unparsable(`its sslmode must be one of ${modes.join(', ')}`);
  const pathOf = (name: string) => parameters.get(name) || undefined;
  const [rootCertificate, certificate, key] = [pathOf('sslrootcert'), pathOf('sslcert'), pathOf('sslkey')];
  const given = { mode, rootCertificate, certificate, key };
  const contradiction = contradictions.find(({ applies }) => applies(given));
  return contradiction === undefined ? parsed(completed(given)) : unparsable(contradiction.reason);
}

function completed(given: PostgresTls): PostgresTls {
  const { mode, rootCertificate } = given;
  // Node's own authorities stand for those of the system.
  if (rootCertificate === 'system') return { ...given, rootCertificate: undefined };
  // libpq: with a root certificate, require validates it.
  return mode === 'require' && rootCertificate !== undefined ? { ...given, mode: 'verify-ca' } : given;
}

const contradictions: readonly { readonly applies: (tls: PostgresTls) => boolean; readonly reason: string }[] = [
  {
    applies: ({ mode, rootCertificate }) => rootCertificate === 'system' && mode !== 'verify-full',
    reason: 'sslrootcert=system needs sslmode=verify-full',
  },
  {
    applies: ({ mode, rootCertificate }) => mode === 'verify-ca' && rootCertificate === undefined,
    reason: 'sslmode=verify-ca needs sslrootcert; verify-full also works with public authorities',
  },
  {
    applies: ({ certificate, key }) => (certificate === undefined) !== (key === undefined),
    reason: 'it needs both sslcert and sslkey, or neither',
  },
  {
    applies: ({ mode, rootCertificate, certificate }) =>
      mode === 'disable' && (rootCertificate !== undefined || certificate !== undefined),
    reason: 'sslrootcert, sslcert and sslkey have no effect without an sslmode that encrypts',
  },
];
