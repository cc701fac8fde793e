/** The OpenAPI document of a server, with validators of its schemas. */
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import { default as addFormats } from 'ajv-formats';

export interface ContractOperation {
  readonly operationId: string;
  readonly responses: Readonly<
    Record<string, { readonly content?: Readonly<Record<string, { readonly schema?: object }>> }>
  >;
}

interface OpenApi {
  readonly paths: Readonly<Record<string, Readonly<Record<string, ContractOperation>>>>;
}

export interface ContractPath {
  readonly pattern: RegExp;
  readonly template: string;
  /** By method in lower case. */
  readonly operations: Readonly<Record<string, ContractOperation>>;
}

export class Contract {
  readonly paths: readonly ContractPath[];
  readonly #ajv: Ajv2020;
  readonly #validators = new Map<string, ValidateFunction>();

  constructor(document: object) {
    // The document is no schema itself, so that comparing it with the meta-schema would check none of its parts.
    this.#ajv = new Ajv2020({ strict: false, allErrors: true, validateSchema: false });
    addFormats.default(this.#ajv);
    this.#ajv.addSchema(document, 'openapi');
    this.paths = Object.entries((document as OpenApi).paths).map(([template, operations]) => ({
      pattern: new RegExp(`^${template.replaceAll('.', '\\.').replaceAll(/\{\w+\}/g, '[^/]+')}$`),
      template,
      operations,
    }));
  }

  /** The faults of a value by the schema at the JSON pointer of these steps. */
  faultsOf(pointer: readonly string[], value: unknown): string[] {
    const key = pointer.map((step) => encodeURIComponent(step.replaceAll('~', '~0').replaceAll('/', '~1'))).join('/');
    const validate = this.#validators.get(key) ?? this.#ajv.compile({ $ref: `openapi#/${key}` });
    this.#validators.set(key, validate);
    if (validate(value)) return [];
    return (validate.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message}`);
  }
}

/** The last few, by their text: most applications of a process have the same, and validators are costly to compile. */
const known = new Map<string, Contract>();
const kept = 4;

/** Reads the text of an OpenAPI document. */
export function contractOf(text: string): Contract {
  const contract = known.get(text) ?? new Contract(JSON.parse(text) as object);
  known.delete(text);
  known.set(text, contract);
  for (const oldest of known.keys()) if (known.size > kept) known.delete(oldest);
  return contract;
}
