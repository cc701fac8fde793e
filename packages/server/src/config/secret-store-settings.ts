/**
 * How secret stores are reached, by the names that Vault, AWS and Google use. They are read before all other settings, which
 * may refer to a secret of a store.
 */
import { z } from 'zod';
import { secret, text } from './setting.ts';
import { isServiceUrl } from './values.ts';

/** The value of a header field (RFC 9110 §5.5), without obsolete bytes. */
function isHeaderValue(value: string): boolean {
  return /^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/.test(value);
}

function isAddress(value: string): boolean {
  return isServiceUrl(value) && !value.includes('?');
}

/** A metadata service has no certificate; the addresses that are reached by http are fixed where it is used. */
function isMetadataUrl(value: string): boolean {
  return URL.canParse(value) && /^https?:\/\/[^\s/?#@\\]+(?:\/[^\s?#\\]*)?$/.test(value);
}

const address = { expected: 'an https URL (http only for localhost, 127.0.0.0/8 and [::1])' };
const metadataAddress = { expected: 'an http or https URL' };
const credential = { expected: 'one line of printable ASCII characters' };
const word = { expected: 'a name' };

function isName(value: string): boolean {
  return /^[\w.:@/-]{1,200}$/.test(value);
}

const vault = z.object({
  address: text(
    {
      env: 'VAULT_ADDR',
      ...address,
      doc: 'Vault, such as `https://vault.example.com:8200`, or a Vault Agent on this machine, for `vault:` references.',
    },
    isAddress,
  ),
  token: secret(
    {
      env: 'VAULT_TOKEN',
      ...credential,
      doc: 'Token for Vault. Without it the server logs in with its Kubernetes service account. With `VAULT_TOKEN_FILE` the file is read again at SIGHUP.',
    },
    isHeaderValue,
  ),
  namespace: text({ env: 'VAULT_NAMESPACE', ...word, fallback: 'none', doc: 'Namespace of Vault Enterprise.' }, isName),
  certificate: text({
    env: 'VAULT_CACERT',
    expected: 'the path of a PEM file',
    fallback: 'none',
    doc: 'Authority of the certificate of Vault, in addition to those that Node knows.',
  }),
  kubernetesRole: text(
    {
      env: 'LATCHKEY_VAULT_KUBERNETES_ROLE',
      ...word,
      doc: "Role of Vault's Kubernetes authentication, where there is no `VAULT_TOKEN`.",
    },
    isName,
  ),
  kubernetesMount: text(
    {
      env: 'LATCHKEY_VAULT_KUBERNETES_MOUNT',
      ...word,
      fallback: 'kubernetes',
      doc: 'Path at which Kubernetes authentication is mounted.',
    },
    isName,
  ),
  serviceAccountToken: secret(
    {
      env: 'LATCHKEY_VAULT_KUBERNETES_TOKEN',
      ...credential,
      fallback: 'the content of `/var/run/secrets/kubernetes.io/serviceaccount/token`',
      doc: 'Token of the service account. Name a projected token with an audience of its own by `LATCHKEY_VAULT_KUBERNETES_TOKEN_FILE`.',
    },
    isHeaderValue,
  ),
});

const aws = z.object({
  region: text(
    { env: 'AWS_REGION', ...word, fallback: 'AWS_DEFAULT_REGION', doc: 'Region of AWS, for `aws-sm:` references.' },
    isName,
  ),
  defaultRegion: text({ env: 'AWS_DEFAULT_REGION', ...word, doc: 'Region where `AWS_REGION` is not set.' }, isName),
  endpoint: text(
    {
      env: 'AWS_ENDPOINT_URL_SECRETS_MANAGER',
      ...address,
      fallback: 'the public endpoint of the region',
      doc: 'Address of Secrets Manager, for a VPC endpoint.',
    },
    isAddress,
  ),
  accessKeyId: secret(
    {
      env: 'AWS_ACCESS_KEY_ID',
      ...credential,
      fallback: 'the credentials of the container or of the machine',
      doc: 'Access key of AWS, with `AWS_SECRET_ACCESS_KEY`.',
    },
    isHeaderValue,
  ),
  secretAccessKey: secret({ env: 'AWS_SECRET_ACCESS_KEY', ...credential, doc: 'Secret access key.' }, isHeaderValue),
  sessionToken: secret(
    { env: 'AWS_SESSION_TOKEN', ...credential, doc: 'Session token of temporary credentials.' },
    isHeaderValue,
  ),
  containerPath: text(
    {
      env: 'AWS_CONTAINER_CREDENTIALS_RELATIVE_URI',
      expected: 'a path',
      doc: 'Set by ECS: where a container gets its credentials.',
    },
    (value) => /^\/[^\s?#\\]*(?:\?[^\s#\\]*)?$/.test(value),
  ),
  containerUrl: text(
    {
      env: 'AWS_CONTAINER_CREDENTIALS_FULL_URI',
      ...metadataAddress,
      doc: 'Set by EKS Pod Identity: where a container gets its credentials.',
    },
    isMetadataUrl,
  ),
  containerToken: secret(
    {
      env: 'AWS_CONTAINER_AUTHORIZATION_TOKEN',
      ...credential,
      doc: 'Set by EKS Pod Identity, as `AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE`.',
    },
    isHeaderValue,
  ),
  webIdentity: text({
    env: 'AWS_WEB_IDENTITY_TOKEN_FILE',
    expected: 'a path',
    doc: 'Set by IAM roles for service accounts, which are not supported: use EKS Pod Identity. A reference then fails instead of using the role of the machine.',
  }),
  metadataUrl: text(
    {
      env: 'AWS_EC2_METADATA_SERVICE_ENDPOINT',
      ...metadataAddress,
      fallback: 'http://169.254.169.254',
      doc: 'Metadata service of EC2 (IMDSv2).',
    },
    isMetadataUrl,
  ),
});

const gcp = z.object({
  project: text(
    {
      env: 'GOOGLE_CLOUD_PROJECT',
      ...word,
      fallback: 'the project of the machine',
      doc: 'Project of Google Cloud, for `gcp-sm:` references without one.',
    },
    isName,
  ),
  metadataHost: text(
    {
      env: 'GCE_METADATA_HOST',
      expected: 'a host, with or without a port',
      fallback: 'metadata.google.internal',
      doc: 'Metadata service of Google Cloud.',
    },
    (value) => /^[A-Za-z0-9.-]+(?::[0-9]{1,5})?$/.test(value),
  ),
  endpoint: text(
    {
      env: 'LATCHKEY_GCP_SECRET_MANAGER_URL',
      ...address,
      fallback: 'https://secretmanager.googleapis.com',
      doc: 'Address of Secret Manager, for a private endpoint.',
    },
    isAddress,
  ),
});

export const secretStores = z.object({ vault, aws, gcp });

export type SecretStoreSettings = z.output<typeof secretStores>;
