/** Compares the verification of passkeys with `@simplewebauthn/server` on mutated responses. */
import { drawFrom } from '../parsers/mutations.ts';
import { libraryAccepts, type Stored, storeCredential, weAccept } from './judges.ts';
import { mutateResponse } from './mutants.ts';
import { createSamples, type RegistrationSample, type Sample } from './samples.ts';

export type Comparison = {
  /** Mutations of each kind. */
  readonly kind: Sample['kind'];
  readonly mutations: number;
  readonly bothAccept: number;
  readonly bothReject: number;
  /** Rejected by this server only: it is the stricter one. */
  readonly onlyWeReject: number;
  /** Responses that the library rejects and this server accepts, as JSON. Each is a fault. */
  readonly faults: readonly string[];
};

/** A seed reproduces the choices; the samples have new keys each time. */
export async function compareWithLibrary(mutations: number, seed: number): Promise<Comparison[]> {
  const draw = drawFrom(seed);
  const samples = createSamples();
  const stored = await storeAll(samples);
  await requireAccepted(samples, stored);
  const counts = { registration: emptyCounts(), assertion: emptyCounts() };
  for (let count = 0; count < mutations; count += 1) {
    const sample = samples[draw(samples.length)] as Sample;
    const response = mutateResponse(sample, samples, draw);
    const credential = credentialOf(sample, stored);
    const [ours, library] = [
      weAccept(sample, response, credential),
      await libraryAccepts(sample, response, credential),
    ];
    const of = counts[sample.kind];
    of[ours ? 'ourAccepts' : 'ourRejects'] += 1;
    if (ours && !library) of.faults.push(JSON.stringify({ sample: sample.response, response }));
    if (!ours && library) of.onlyWeReject += 1;
  }
  return (['registration', 'assertion'] as const).map((kind) => summarize(kind, counts[kind]));
}

type Counts = { ourAccepts: number; ourRejects: number; onlyWeReject: number; faults: string[] };

function emptyCounts(): Counts {
  return { ourAccepts: 0, ourRejects: 0, onlyWeReject: 0, faults: [] };
}

function summarize(kind: Sample['kind'], { ourAccepts, ourRejects, onlyWeReject, faults }: Counts): Comparison {
  const mutations = ourAccepts + ourRejects;
  const bothAccept = ourAccepts - faults.length;
  return { kind, mutations, bothAccept, bothReject: ourRejects - onlyWeReject, onlyWeReject, faults };
}

async function storeAll(samples: readonly Sample[]): Promise<ReadonlyMap<RegistrationSample, Stored>> {
  const stored = new Map<RegistrationSample, Stored>();
  for (const sample of samples) if (sample.kind === 'registration') stored.set(sample, await storeCredential(sample));
  return stored;
}

function credentialOf(sample: Sample, stored: ReadonlyMap<RegistrationSample, Stored>): Stored | undefined {
  return sample.kind === 'assertion' ? stored.get(sample.registration) : undefined;
}

/** Without it, a comparison in which both reject everything would pass. */
async function requireAccepted(
  samples: readonly Sample[],
  stored: ReadonlyMap<RegistrationSample, Stored>,
): Promise<void> {
  for (const sample of samples) {
    const credential = credentialOf(sample, stored);
    const ours = weAccept(sample, sample.response, credential);
    const library = await libraryAccepts(sample, sample.response, credential);
    if (!ours || !library) throw new Error(`a valid ${sample.kind} is rejected by ${ours ? 'the library' : 'us'}`);
  }
}
