/**
 * References to secrets, which a setting can hold instead of the secret: `file:/run/secrets/kek`, `env:KEK`,
 * `vault:secret/latchkey#kek`, `aws-sm:latchkey/kek#value`, `gcp-sm:latchkey-kek`.
 * No reason of a rejection quotes the text: a secret that happens to begin like a reference would be in it.
 */
import { type Parsed, parsed, unparsable } from '#kernel/parsed.ts';

/** A secret in the key-value store of Vault, version 2. */
interface VaultReference {
  readonly kind: 'vault';
  readonly mount: string;
  /** Without a slash at either end. */
  readonly path: string;
  readonly field: string;
}

interface AwsReference {
  readonly kind: 'aws-sm';
  /** A name or an ARN. */
  readonly name: string;
  /** Of an ARN. */
  readonly region: string | undefined;
  /** A member of the JSON object that the secret is. Undefined: the secret is the whole text. */
  readonly field: string | undefined;
}

interface GcpReference {
  readonly kind: 'gcp-sm';
  /** Undefined: the project of the settings or of the machine. */
  readonly project: string | undefined;
  readonly name: string;
  /** A number, an alias, or `latest`. */
  readonly version: string;
  /** As that of AWS. */
  readonly field: string | undefined;
}

/** A secret that a service stores. */
export type StoredReference = VaultReference | AwsReference | GcpReference;

export type SecretReference =
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'env'; readonly name: string }
  | StoredReference;

type Parse = (rest: string) => Parsed<SecretReference>;

const parsers: readonly (readonly [prefix: string, parse: Parse])[] = [
  ['file:', parseFile],
  ['env:', parseVariable],
  ['vault:', parseVault],
  ['aws-sm:', parseAws],
  ['gcp-sm:', parseGcp],
];

/** Returns undefined for a text that does not begin like a reference: it is the secret. */
export function parseSecretReference(text: string): Parsed<SecretReference> | undefined {
  const found = parsers.find(([prefix]) => text.startsWith(prefix));
  return found?.[1](text.slice(found[0].length));
}

function parseFile(path: string): Parsed<SecretReference> {
  return path === '' || path.includes('\0') ? unparsable('file: needs a path') : parsed({ kind: 'file', path });
}

function parseVariable(name: string): Parsed<SecretReference> {
  return /^[A-Za-z_][A-Za-z0-9_]*$/.test(name)
    ? parsed({ kind: 'env', name })
    : unparsable('env: needs the name of an environment variable');
}

/** Neither a control character nor what a URL would read as another path. */
const vaultSegment = /^(?!\.{1,2}$)[^\p{Cc}/?#%\\]+$/u;

/** The first segment is the mount, so a mount with a slash cannot be referred to. */
function parseVault(rest: string): Parsed<SecretReference> {
  const { body, field } = splitField(rest);
  const [mount = '', ...path] = body.split('/');
  const isPath = path.length > 0 && [mount, ...path].every((segment) => vaultSegment.test(segment));
  if (!isPath || field === undefined || field === '')
    return unparsable('vault: needs a mount, a path and a field, such as vault:secret/latchkey#password');
  return parsed({ kind: 'vault', mount, path: path.join('/'), field });
}

const awsName = /^[A-Za-z0-9/_+=.@-]{1,512}$/;
const awsArn = /^arn:aws[a-z-]*:secretsmanager:([a-z0-9-]{1,40}):[0-9]{12}:secret:[A-Za-z0-9/_+=.@-]{1,519}$/;

function parseAws(rest: string): Parsed<SecretReference> {
  const { body: name, field } = splitField(rest);
  const region = awsArn.exec(name)?.[1];
  if (field === '' || (region === undefined && !awsName.test(name)))
    return unparsable('aws-sm: needs a name or an ARN, such as aws-sm:latchkey/smtp#url');
  return parsed({ kind: 'aws-sm', name, region, field });
}

/** Short, or as Google writes it: `projects/acme/secrets/kek/versions/3`. */
const gcpName =
  /^(?:projects\/([a-z0-9.:-]{1,100})\/secrets\/)?([A-Za-z0-9_-]{1,255})(?:\/versions\/([A-Za-z0-9_-]{1,63}))?$/;

function parseGcp(rest: string): Parsed<SecretReference> {
  const { body, field } = splitField(rest);
  const found = gcpName.exec(body);
  if (found === null || field === '')
    return unparsable('gcp-sm: needs a name, such as gcp-sm:kek or gcp-sm:projects/acme/secrets/kek/versions/3');
  const [, project, name = '', version = 'latest'] = found;
  return parsed({ kind: 'gcp-sm', project, name, version, field });
}

function splitField(rest: string): { readonly body: string; readonly field: string | undefined } {
  const at = rest.indexOf('#');
  return at < 0 ? { body: rest, field: undefined } : { body: rest.slice(0, at), field: rest.slice(at + 1) };
}
