/**
 * The requests of the secret stores. They are sent before the configuration is complete, so the outbound client, whose rules
 * would also refuse the link-local addresses of metadata services, does not exist yet.
 * Invariants: https, or http to this machine; a metadata service is reached at exactly its known addresses, and nothing else
 * is reached at a link-local one; no redirect is followed; time and body are limited.
 */
import { lookup } from 'node:dns/promises';
import { BlockList, isIP } from 'node:net';
import { exchange, type OutboundResponse, type OutboundResult } from '#platform/outbound/index.ts';
import { StoreFailure } from './failure.ts';

export interface StoreRequest {
  readonly url: URL;
  /** `metadata`: the service of a cloud that gives credentials to its machines. */
  readonly target: 'service' | 'metadata';
  readonly method: 'GET' | 'POST' | 'PUT';
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  /** PEM of an authority that is trusted in addition to Node's. */
  readonly certificateAuthority?: string | undefined;
}

/** @throws StoreFailure without a response. */
export type Send = (request: StoreRequest) => Promise<OutboundResponse>;

/** The largest secret of a store is 64 KiB; base64 and JSON add to it. */
const maxBodyBytes = 262_144;

/** AWS: EC2 and ECS, EKS, and both on IPv6. Google: the same address as EC2, by its name. */
const metadataAddresses = new Set([
  '169.254.169.254',
  '169.254.170.2',
  '169.254.170.23',
  'fd00:ec2::254',
  'fd00:ec2::23',
]);

const loopback = blockListOf([
  ['127.0.0.0', 8, 'ipv4'],
  ['::1', 128, 'ipv6'],
]);

const linkLocal = blockListOf([
  ['169.254.0.0', 16, 'ipv4'],
  ['fe80::', 10, 'ipv6'],
  ['fd00:ec2::', 32, 'ipv6'],
]);

function blockListOf(subnets: readonly (readonly [string, number, 'ipv4' | 'ipv6'])[]): BlockList {
  const list = new BlockList();
  for (const [network, prefix, family] of subnets) list.addSubnet(network, prefix, family);
  return list;
}

/**
 * Sends one request.
 *
 * @param signal ends all requests of a load.
 */
export async function send(request: StoreRequest, timeoutMs: number, signal: AbortSignal): Promise<OutboundResponse> {
  const { url, target, method, headers, body, certificateAuthority } = request;
  const ends = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
  const addresses = await untilAborted(ends, addressesOf(url, target), url);
  const parameters = { url, addresses, method, headers, body, maxBodyBytes, certificateAuthority };
  const result = await exchangeValid(parameters, ends);
  if (result.kind === 'answered') return result;
  throw failureOf(result.reason, url.host);
}

/** A credential that a metadata service gave may have characters that no header field can have. */
async function exchangeValid(parameters: Parameters<typeof exchange>[0], signal: AbortSignal): Promise<OutboundResult> {
  try {
    return await exchange(parameters, signal);
  } catch (error) {
    const isInvalid = error instanceof TypeError && 'code' in error && error.code === 'ERR_INVALID_CHAR';
    if (isInvalid) throw new StoreFailure('a credential has a character that a header field cannot have');
    throw error;
  }
}

async function addressesOf(url: URL, target: StoreRequest['target']): Promise<readonly string[]> {
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  const addresses = isIP(host) === 0 ? await resolveName(host) : [host];
  const isAllowed = target === 'metadata' ? isMetadataAddress : (address: string) => isServiceAddress(address, url);
  if (addresses.every(isAllowed)) return addresses;
  throw new StoreFailure(
    target === 'metadata'
      ? `${host} does not have the address of a metadata service`
      : `${host} must be reached by https, and must not have a link-local address`,
  );
}

async function resolveName(host: string): Promise<readonly string[]> {
  const found = await lookup(host, { all: true }).catch(() => []);
  if (found.length === 0) throw new StoreFailure(`${host} has no address`, { isTransient: true });
  return found.map(({ address }) => address);
}

function isMetadataAddress(address: string): boolean {
  return metadataAddresses.has(address) || includes(loopback, address);
}

function isServiceAddress(address: string, { protocol }: URL): boolean {
  return includes(loopback, address) || (protocol === 'https:' && !includes(linkLocal, address));
}

function includes(list: BlockList, address: string): boolean {
  return list.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4');
}

function failureOf(reason: string, host: string): StoreFailure {
  const sentence = sentences[reason];
  if (sentence === undefined) return new StoreFailure(`${host} sent no response that can be read (${reason})`);
  return new StoreFailure(sentence[0](host), { isTransient: sentence[1] });
}

const sentences: Readonly<Record<string, readonly [sentence: (host: string) => string, isTransient: boolean]>> = {
  unreachable: [(host) => `${host} cannot be reached`, true],
  timeout: [(host) => `${host} did not respond in time`, true],
  broken: [(host) => `${host} closed the connection`, true],
  untrusted: [(host) => `the TLS certificate of ${host} is not trusted`, false],
  too_large: [(host) => `the response of ${host} is too large`, false],
};

/** A name lookup cannot be aborted. */
function untilAborted<T>(signal: AbortSignal, work: Promise<T>, { host }: URL): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const end = () => reject(failureOf('timeout', host));
  if (signal.aborted) end();
  signal.addEventListener('abort', end, { once: true });
  return Promise.race([work, promise]).finally(() => signal.removeEventListener('abort', end));
}
