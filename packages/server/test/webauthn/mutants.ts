/** Mutations of valid responses: bytes of one field, members of the client data, and fields of another response. */
import { hash } from 'node:crypto';
import { type Draw, mutate } from '../parsers/mutations.ts';
import { type Encodable, encodeCbor } from './cbor-encoder.ts';
import type { Sample } from './samples.ts';

type Response = Sample['response'];
type Fields = Readonly<Record<string, unknown>>;

/** Returns one changed response; it may be equal to the sample when the changes cancel out. */
export function mutateResponse(sample: Sample, samples: readonly Sample[], draw: Draw): Response {
  const mutators = sample.kind === 'registration' ? registrationMutators : assertionMutators;
  return pick(mutators, draw)(sample, samples, draw);
}

type Mutator = (sample: Sample, samples: readonly Sample[], draw: Draw) => Response;

const registrationMutators: readonly Mutator[] = [
  (sample, _, draw) => withChangedField(sample, 'clientDataJSON', draw),
  (sample, _, draw) => withChangedField(sample, 'attestationObject', draw),
  (sample, _, draw) => withChangedField(sample, 'attestationObject', draw),
  (sample, _, draw) => withChangedAuthenticatorData(sample, draw),
  (sample, _, draw) => withChangedAuthenticatorData(sample, draw),
  (sample, _, draw) => withChangedMember(sample, draw),
  (sample, _, draw) => withChangedId(sample, draw),
  (sample, samples, draw) => withSwappedField(sample, samples, draw),
];

const assertionMutators: readonly Mutator[] = [
  (sample, _, draw) => withChangedField(sample, 'clientDataJSON', draw),
  (sample, _, draw) => withChangedField(sample, 'authenticatorData', draw),
  (sample, _, draw) => withChangedField(sample, 'signature', draw),
  (sample, _, draw) => withChangedField(sample, 'signature', draw),
  (sample, _, draw) => signed(sample, withChangedField(sample, 'clientDataJSON', draw)),
  (sample, _, draw) => signed(sample, withChangedField(sample, 'authenticatorData', draw)),
  (sample, _, draw) => signed(sample, withChangedMember(sample, draw)),
  (sample, _, draw) => withChangedId(sample, draw),
  (sample, samples, draw) => withSwappedField(sample, samples, draw),
];

function withChangedField({ response }: Sample, name: string, draw: Draw): Response {
  const text = (response.response as Fields)[name];
  return withField(response, name, changeBytes(Buffer.from(String(text), 'base64url'), draw).toString('base64url'));
}

function withField(response: Response, name: string, value: unknown): Response {
  return { ...response, response: { ...response.response, [name]: value } } as Response;
}

/** One small change, which most parsers overlook, or up to eight large ones. */
function changeBytes(bytes: Buffer, draw: Draw): Buffer {
  const at = draw(bytes.length + 1);
  const replace = (removed: number, ...put: number[]) =>
    Buffer.concat([bytes.subarray(0, at), Buffer.from(put), bytes.subarray(at + removed)]);
  switch (draw(6)) {
    case 0:
      return replace(1, (bytes[at] ?? 0) ^ (1 << draw(8)));
    case 1:
      return replace(1, draw(256));
    case 2:
      return replace(0, draw(256));
    case 3:
      return replace(1 + draw(3));
    case 4:
      return Buffer.concat([bytes, Buffer.alloc(1 + draw(4), draw(2) * 0xff)]);
    default:
      return mutate([bytes], draw);
  }
}

/** Changes the data within the attestation object and keeps the object well-formed. */
function withChangedAuthenticatorData({ response }: Sample, draw: Draw): Response {
  const fields = response.response as Fields;
  const object = Buffer.from(String(fields.attestationObject), 'base64url');
  const at = object.indexOf('authData');
  const dataAt = at + 8 + (object[at + 8] === 0x58 ? 2 : 3);
  const changed = encodeCbor(changeBytes(object.subarray(dataAt), draw) as Encodable);
  return withField(
    response,
    'attestationObject',
    Buffer.concat([object.subarray(0, at + 8), changed]).toString('base64url'),
  );
}

const members: readonly (readonly [string, readonly unknown[]])[] = [
  ['type', ['webauthn.get', 'webauthn.create', '', null, ['webauthn.get'], undefined]],
  ['challenge', ['', 'AAAA', null, undefined, []]],
  ['origin', ['https://evil.example', 'https://id.example.com/', 'http://id.example.com', null, undefined]],
  ['crossOrigin', [true, false, null, 'false', 0, undefined]],
  ['topOrigin', ['https://evil.example', 'https://id.example.com', '', null, undefined]],
  ['other_keys_can_be_added_here', ['do not compare', null, {}]],
];

function withChangedMember({ response }: Sample, draw: Draw): Response {
  const clientData = JSON.parse(Buffer.from(response.response.clientDataJSON, 'base64url').toString()) as Fields;
  const [name, values] = pick(members, draw);
  const changed = JSON.stringify({ ...clientData, [name]: pick(values, draw) });
  return withField(response, 'clientDataJSON', Buffer.from(changed).toString('base64url'));
}

function withChangedId({ response }: Sample, draw: Draw): Response {
  const id = changeBytes(Buffer.from(response.id, 'base64url'), draw).toString('base64url');
  return pick(
    [
      { ...response, id },
      { ...response, rawId: id },
      { ...response, id, rawId: id },
    ],
    draw,
  );
}

/** Takes one field of another response of the same kind. */
function withSwappedField({ kind, response }: Sample, samples: readonly Sample[], draw: Draw): Response {
  const other = pick(
    samples.filter((candidate) => candidate.kind === kind),
    draw,
  ).response;
  const name = pick(['id', ...Object.keys(response.response)], draw);
  if (name === 'id') return { ...response, id: other.id, rawId: other.rawId };
  return withField(response, name, (other.response as Fields)[name]);
}

/** Signs a changed assertion as the credential does, so that the rules before the signature decide. */
function signed(sample: Sample, response: Response): Response {
  if (sample.kind !== 'assertion') throw new Error('only assertions are signed');
  const fields = response.response as Fields;
  const [data, clientData] = [fields.authenticatorData, fields.clientDataJSON].map((text) =>
    Buffer.from(String(text), 'base64url'),
  );
  const message = Buffer.concat([data ?? Buffer.alloc(0), hash('sha256', clientData ?? '', 'buffer')]);
  return withField(response, 'signature', sample.sign(message).toString('base64url'));
}

function pick<T>(from: readonly T[], draw: Draw): T {
  return from[draw(from.length)] as T;
}
