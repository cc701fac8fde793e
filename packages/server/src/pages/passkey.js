// Asks the authenticator, and puts its response into a form, which is sent as any other. Pages are complete without it.

const known = typeof PublicKeyCredential === 'function';
const renewAfterMs = 9 * 60_000;

/** @type {AbortController | undefined} The request of the autofill, which an explicit one replaces. */
let waiting;

/** @param {string} text */
const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, '+').replace(/_/g, '/')), (c) => c.charCodeAt(0));

/** @param {ArrayBuffer} buffer */
const text = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer)))
    .replace(/\+/g, '-')
    .replace(/\//g, '_')
    .replace(/=/g, '');

/**
 * For browsers without `parse…OptionsFromJSON`.
 * @param {any} options
 */
function decoded(options) {
  const { challenge, user, ...rest } = options;
  const ids = (list = []) => list.map((item) => ({ ...item, id: bytes(item.id) }));
  const decodedUser = user && { user: { ...user, id: bytes(user.id) } };
  const lists = {
    excludeCredentials: ids(rest.excludeCredentials),
    allowCredentials: ids(rest.allowCredentials),
  };
  return { ...rest, ...lists, ...decodedUser, challenge: bytes(challenge) };
}

/**
 * For browsers whose credentials have no `toJSON`.
 * @param {any} credential
 */
function encoded({ id, type, response }) {
  const names = ['clientDataJSON', 'attestationObject', 'authenticatorData', 'signature', 'userHandle'];
  const parts = names.filter((name) => response[name]).map((name) => [name, text(response[name])]);
  const transports = response.getTransports?.();
  return { id, rawId: id, type, response: { ...Object.fromEntries(parts), ...(transports && { transports }) } };
}

/**
 * The options are part of the page, or come from the API.
 * @param {DOMStringMap} data
 */
async function optionsFor({ passkeyOptions, passkeyUrl, passkeyBody }) {
  if (passkeyOptions) return JSON.parse(passkeyOptions);
  const json = passkeyBody && { headers: { 'content-type': 'application/json' }, body: passkeyBody };
  const response = await fetch(passkeyUrl, { method: 'POST', ...json });
  if (!response.ok) throw new Error(`no options: ${response.status}`);
  return (await response.json()).data.publicKey;
}

/**
 * @param {HTMLButtonElement} button
 * @param {object} how
 */
async function ask(button, how = {}) {
  const options = await optionsFor(button.dataset);
  const isNew = options.user !== undefined;
  const parse = isNew
    ? PublicKeyCredential.parseCreationOptionsFromJSON
    : PublicKeyCredential.parseRequestOptionsFromJSON;
  const publicKey = parse ? parse.call(PublicKeyCredential, options) : decoded(options);
  const credential = await navigator.credentials[isNew ? 'create' : 'get']({ publicKey, ...how });
  const form = button.form;
  form.elements.credential.value = JSON.stringify(credential.toJSON?.() ?? encoded(credential));
  if (button.value) form.elements.kind.value = button.value;
  form.submit();
}

/** Offers passkeys in the field of the email, and asks for new options before the old ones expire. */
async function autofill(button) {
  if (!(await PublicKeyCredential.isConditionalMediationAvailable?.())) return;
  waiting = new AbortController();
  const { signal } = waiting;
  const renew = setTimeout(() => {
    waiting.abort();
    void autofill(button);
  }, renewAfterMs);
  await ask(button, { mediation: 'conditional', signal }).catch(() => clearTimeout(renew));
}

async function press(button) {
  const failed = button.form.querySelector('[data-passkey-failed]');
  waiting?.abort();
  failed.hidden = true;
  button.disabled = true;
  try {
    await ask(button);
  } catch {
    failed.hidden = false;
  }
  button.disabled = false;
}

for (const button of document.querySelectorAll('button[data-passkey]')) {
  button.hidden = !known;
  if (!known) continue;
  button.addEventListener('click', () => void press(button));
  if (button.dataset.passkey === 'autofill') void autofill(button);
}

// The authenticator forgets what the server does not know.
for (const { dataset } of document.querySelectorAll('[data-passkey-signal]')) {
  const [name, argument] = JSON.parse(dataset.passkeySignal);
  void globalThis.PublicKeyCredential?.[name]?.(argument).catch(() => undefined);
}
