/** Every form of a page as a person fills it in, read from the markup. */

export interface FilledForm {
  readonly action: string;
  readonly sent: Readonly<Record<string, string>>;
  /** The fields that are no secret: their values must stay. */
  readonly typed: Readonly<Record<string, string>>;
}

/** The values of secret fields; no page may repeat them. */
export const typedSecrets = {
  password: 'correct horse battery',
  code: '246810',
  recoveryCode: '246810-135791-246810-135791',
};

const secretNames: Readonly<Record<string, string>> = {
  password: typedSecrets.password,
  currentPassword: typedSecrets.password,
  code: typedSecrets.code,
  emailCode: typedSecrets.code,
  recoveryCode: typedSecrets.recoveryCode,
};

/** The response of a passkey, which a script writes into the form. */
const scripted: Readonly<Record<string, string>> = { credential: '{}' };

/** Each form once for each of its buttons, also for those that stand outside it; a form that a script sends has none. */
export function formsOf(markup: string): FilledForm[] {
  const forms = [...markup.matchAll(/(<form method="post" action="([^"]*)"[^>]*>)(.*?)<\/form>/gs)];
  return forms.flatMap(([, tag = '', action = '', content = '']) => {
    const fields = [...inputsOf(content), ...choicesOf(content)];
    const sent = fields.map((field) => [field.name, textFor(field)] as const);
    const typed = fields.filter(isTyped).map((field) => [field.name, textFor(field)] as const);
    const id = attribute(tag, 'id');
    const outside = [...markup.matchAll(/<button [^>]*>/g)].filter(
      ([button]) => id !== undefined && attribute(button, 'form') === id,
    );
    const buttons = [...content.matchAll(/<button (?![^>]*type="button")[^>]*>/g), ...outside];
    const isScripted = fields.some(({ name }) => name === 'credential');
    return (buttons.length === 0 && isScripted ? [['']] : buttons).map(([button = '']) => ({
      action,
      sent: { ...Object.fromEntries(sent), ...choiceOf(button) },
      typed: Object.fromEntries(typed),
    }));
  });
}

interface FoundField {
  readonly name: string;
  readonly type: string;
  readonly value: string;
}

function inputsOf(content: string): FoundField[] {
  return [...content.matchAll(/<input [^>]*>/g)].flatMap(([input]) => {
    const name = attribute(input, 'name');
    if (name === undefined) return [];
    return { name, type: attribute(input, 'type') ?? 'text', value: attribute(input, 'value') ?? '' };
  });
}

/** The last option of each list, so that it differs from the one that is selected. */
function choicesOf(content: string): FoundField[] {
  return [...content.matchAll(/<select [^>]*name="([^"]*)"[^>]*>(.*?)<\/select>/gs)].map(
    ([, name = '', options = '']) => {
      const values = [...options.matchAll(/<option value="([^"]*)"/g)].map(([, value = '']) => value);
      return { name, type: 'select', value: values.at(-1) ?? '' };
    },
  );
}

function attribute(tag: string, name: string): string | undefined {
  return new RegExp(` ${name}="([^"]*)"`).exec(tag)?.[1];
}

function textFor({ name, type, value }: FoundField): string {
  const written = secretNames[name] ?? scripted[name];
  if (written !== undefined) return written;
  if (type === 'email') return 'typed@people.example';
  return type === 'text' ? 'Typed by hand' : value;
}

function isTyped({ name, type }: FoundField): boolean {
  return type !== 'hidden' && secretNames[name] === undefined;
}

function choiceOf(button: string): Record<string, string> {
  const name = attribute(button, 'name');
  return name === undefined ? {} : { [name]: attribute(button, 'value') ?? '' };
}
