/**
 * The presets: what is known about each provider, as data. Owns no table and no route.
 *
 * "Proven" emails: a new account with one needs no mail. A preset lets an email count as proven only where the provider is
 * the authority for its domain. Elsewhere the provider verified it once, and the domain may have a new owner since.
 */
import type { PresetName } from './provider.ts';

/** The rule by which an email counts as proven (`email-proof.ts`). */
export type EmailProof = 'google' | 'apple' | 'microsoft' | 'listed_domains' | 'never';

/** A profile of an OAuth 2.0 provider, which sends no ID token. Members are paths such as `data.user.id`. */
export interface ProfileSource {
  readonly url: string;
  readonly subject: string;
  readonly email: string;
  /** The first one that is a text is the name. */
  readonly names: readonly string[];
  /** A list of `{ email, primary, verified }`; its primary verified one replaces `email`. */
  readonly emailsUrl?: string;
  /** Sends the HMAC of the access token under the client secret: a stolen token is of no use without it. */
  readonly sendsSecretProof?: true;
}

export interface OAuth2Endpoints {
  readonly authorization: string;
  readonly token: string;
  readonly profile: ProfileSource;
  /** The parameter `iss` of its callbacks (RFC 9207). Undefined: none is expected, and one that comes is ignored. */
  readonly responseIssuer?: string;
}

export interface Preset {
  /** The name that people read, unless the operator gives another one. */
  readonly label: string;
  readonly kind: 'oidc' | 'oauth2';
  /** Undefined: a setting (`oidc`), or derived from the token endpoint (`oauth2`). */
  readonly issuer: string | undefined;
  /** The issuer whose discovery document has the endpoints of all tenants. Undefined: that of the provider. */
  readonly discovery?: string;
  readonly scopes: readonly string[];
  /** `signed`: a JWT that we sign is the secret. `negotiated`: by the discovery document or a setting. */
  readonly clientAuthentication: 'post' | 'signed' | 'negotiated';
  readonly responseMode: 'query' | 'form_post';
  /** PKCE and the nonce. LinkedIn rejects the first and leaves out the second. */
  readonly usesPkce: boolean;
  readonly usesNonce: boolean;
  readonly emailProof: EmailProof;
  /** How a native application puts our nonce into its ID token. Undefined: ID tokens are not accepted. */
  readonly nativeNonce: 'raw' | 'sha256' | undefined;
  readonly oauth2?: OAuth2Endpoints;
}

const openId = {
  kind: 'oidc',
  scopes: ['openid', 'email', 'profile'],
  clientAuthentication: 'post',
  responseMode: 'query',
  usesPkce: true,
  usesNonce: true,
  emailProof: 'never',
  nativeNonce: undefined,
} as const satisfies Partial<Preset>;

const oauth2 = { ...openId, kind: 'oauth2', usesNonce: false } as const;

/** Microsoft's issuer of any tenant. The tenant's own id replaces `{tenantid}` in its tokens. */
const microsoftIssuer = 'https://login.microsoftonline.com/{tenantid}/v2.0';

export const presets: Readonly<Record<PresetName, Preset>> = {
  google: {
    ...openId,
    label: 'Google',
    issuer: 'https://accounts.google.com',
    emailProof: 'google',
    nativeNonce: 'raw',
  },
  apple: {
    ...openId,
    label: 'Apple',
    issuer: 'https://appleid.apple.com',
    scopes: ['name', 'email'],
    clientAuthentication: 'signed',
    // Apple requires it as soon as a scope is requested.
    responseMode: 'form_post',
    emailProof: 'apple',
    nativeNonce: 'sha256',
  },
  microsoft: {
    ...openId,
    label: 'Microsoft',
    issuer: microsoftIssuer,
    discovery: 'https://login.microsoftonline.com/common/v2.0',
    emailProof: 'microsoft',
    nativeNonce: 'raw',
  },
  gitlab: { ...openId, label: 'GitLab', issuer: 'https://gitlab.com' },
  linkedin: {
    ...openId,
    label: 'LinkedIn',
    issuer: 'https://www.linkedin.com/oauth',
    usesPkce: false,
    usesNonce: false,
  },
  slack: { ...openId, label: 'Slack', issuer: 'https://slack.com' },
  github: {
    ...oauth2,
    label: 'GitHub',
    issuer: 'https://github.com',
    scopes: ['read:user', 'user:email'],
    oauth2: {
      authorization: 'https://github.com/login/oauth/authorize',
      token: 'https://github.com/login/oauth/access_token',
      responseIssuer: 'https://github.com/login/oauth',
      profile: {
        url: 'https://api.github.com/user',
        subject: 'id',
        email: 'email',
        names: ['name', 'login'],
        emailsUrl: 'https://api.github.com/user/emails',
      },
    },
  },
  discord: {
    ...oauth2,
    label: 'Discord',
    issuer: 'https://discord.com',
    scopes: ['identify', 'email'],
    oauth2: {
      authorization: 'https://discord.com/oauth2/authorize',
      token: 'https://discord.com/api/oauth2/token',
      profile: {
        url: 'https://discord.com/api/users/@me',
        subject: 'id',
        email: 'email',
        names: ['global_name', 'username'],
      },
    },
  },
  facebook: {
    ...oauth2,
    label: 'Facebook',
    issuer: 'https://www.facebook.com',
    scopes: ['public_profile', 'email'],
    oauth2: {
      authorization: 'https://www.facebook.com/dialog/oauth',
      token: 'https://graph.facebook.com/oauth/access_token',
      profile: {
        url: 'https://graph.facebook.com/me?fields=id,name,email',
        subject: 'id',
        email: 'email',
        names: ['name'],
        sendsSecretProof: true,
      },
    },
  },
  oidc: {
    ...openId,
    label: 'Single sign-on',
    issuer: undefined,
    clientAuthentication: 'negotiated',
    emailProof: 'listed_domains',
    nativeNonce: 'raw',
  },
  oauth2: { ...oauth2, label: 'Single sign-on', issuer: undefined, scopes: [], clientAuthentication: 'negotiated' },
};

export const presetNames = Object.keys(presets) as readonly PresetName[];

/** Whether a text, such as a stored one of a newer release, is the name of a preset. */
export function isPresetName(text: string): text is PresetName {
  return Object.hasOwn(presets, text);
}
