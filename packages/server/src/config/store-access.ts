/** Completes the settings of the secret stores with the files that they name. */
import { resolve } from 'node:path';
import type { FileReader } from './files.ts';
import type { SecretStoreSettings } from './secret-store-settings.ts';

/** Kubernetes mounts the token of the service account here. */
const serviceAccountFile = '/var/run/secrets/kubernetes.io/serviceaccount/token';

export type StoreAccess = ReturnType<typeof completeAccess>['access'];

/** The sentence is a mistake of the operator. */
export function completeAccess(
  { vault, aws, gcp }: SecretStoreSettings,
  { files, cwd }: { readonly files: FileReader; readonly cwd: string },
) {
  const { kubernetesRole: role, kubernetesMount: mount = 'kubernetes', serviceAccountToken, certificate } = vault;
  const authority = certificate === undefined ? undefined : files(resolve(cwd, certificate));
  const isCertificate = authority?.kind === 'text' && authority.text.includes('-----BEGIN CERTIFICATE-----');
  const kubernetes =
    role === undefined
      ? undefined
      : { role, mount, serviceAccountToken: serviceAccountToken ?? textOf(files, serviceAccountFile) };
  return {
    access: {
      vault: {
        address: vault.address,
        token: vault.token,
        namespace: vault.namespace,
        certificateAuthority: isCertificate ? authority.text : undefined,
        kubernetes,
      },
      aws: {
        region: aws.region ?? aws.defaultRegion,
        endpoint: aws.endpoint,
        accessKeyId: aws.accessKeyId,
        secretAccessKey: aws.secretAccessKey,
        sessionToken: aws.sessionToken,
        containerPath: aws.containerPath,
        containerUrl: aws.containerUrl,
        containerToken: aws.containerToken,
        hasWebIdentity: aws.webIdentity !== undefined,
        metadataUrl: aws.metadataUrl,
      },
      gcp: { project: gcp.project, metadataHost: gcp.metadataHost, endpoint: gcp.endpoint },
    },
    mistake:
      authority === undefined || isCertificate
        ? undefined
        : `VAULT_CACERT names ${certificate}, which is not a readable PEM file.`,
  };
}

function textOf(files: FileReader, path: string): string | undefined {
  const content = files(path);
  return content.kind === 'text' ? content.text.trim() : undefined;
}
