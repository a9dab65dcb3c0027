// What looks like a secret in a text: known formats anywhere, random-looking values where their name says secret or where they stand alone.
// The formats are those of gitleaks (config/gitleaks.toml) and of @secretlint/secretlint-rule-preset-recommend that have a fixed prefix; a
// table instead of a dependency, since texts are scanned in the pure core, synchronously, on every append.

export type SecretSpan = { start: number; end: number; kind: string };

/**
 * A format's beginning says what it is wherever it stands: glued to other text too, so no word boundary is asked for. `core` is as much of a
 * match as the shortest secret of that format has; what follows may be other text, so a placeholder is looked for in the core alone.
 */
type Format = { kind: string; pattern: RegExp; core: number };

const FORMATS: readonly Format[] = [
  {
    kind: 'private key',
    core: 1,
    // With the base64 that follows, line ends written out or not, and to its end where that is in the text.
    pattern:
      /-----BEGIN (?:[A-Z0-9]+ ){0,4}PRIVATE KEY(?: BLOCK)?-----(?:(?:\\{1,4}[rn]|\s)*(?:[A-Za-z0-9+/=]{16,}|[A-Za-z-]{1,20}: [^\n\\]{1,80}|[A-Za-z0-9+/=]{1,15}(?=(?:\\{1,4}[rn]|\s)*-----END)))*(?:(?:\\{1,4}[rn]|\s)*-----END (?:[A-Z0-9]+ ){0,4}PRIVATE KEY(?: BLOCK)?-----)?/g,
  },
  { kind: 'AWS access key', core: 20, pattern: /(?:AKIA|ASIA)[0-9A-Z]{16}/g },
  { kind: 'GitHub token', core: 40, pattern: /gh[opsur]_[A-Za-z0-9]{36,}/g },
  { kind: 'GitHub token', core: 61, pattern: /github_pat_[A-Za-z0-9_]{50,}/g },
  {
    kind: 'GitLab token',
    core: 26,
    pattern:
      /gl(?:pat|dt|rt|ptt|cbt|soat|ft|imt|agent|oas|ffct|wt)-[A-Za-z0-9_-]{20,}|GR1348941[A-Za-z0-9_-]{20}/g,
  },
  { kind: 'Slack token', core: 15, pattern: /xox[abeoprs]-[A-Za-z0-9-]{10,}|xapp-\d-[A-Za-z0-9-]{20,}/g },
  {
    kind: 'Slack webhook',
    core: 60,
    pattern: /hooks\.slack\.com\/(?:services|workflows)\/[A-Za-z0-9+/]{40,}/g,
  },
  {
    kind: 'Stripe key',
    core: 24,
    // With a digit: `task_test_…` is a name.
    pattern:
      /[sr]k_live_[A-Za-z0-9]{16,}|[sr]k_test_(?=[A-Za-z]{0,40}\d)[A-Za-z0-9]{16,}|whsec_[A-Za-z0-9+/=]{24,}/g,
  },
  {
    kind: 'model provider key',
    core: 35,
    pattern: /sk-(?:ant|proj)-[A-Za-z0-9_-]{32,}|(?<![a-z])sk-[A-Za-z0-9_-]{32,}/g,
  },
  {
    kind: 'Google API key',
    core: 25,
    pattern: /AIza[0-9A-Za-z_-]{35}|ya29\.[0-9A-Za-z_-]{20,}|GOCSPX-[A-Za-z0-9_-]{28}/g,
  },
  { kind: 'npm token', core: 40, pattern: /npm_[A-Za-z0-9]{36}/g },
  { kind: 'npm token', core: 200, pattern: /_authToken\s{0,8}=\s{0,8}[A-Za-z0-9-]{16,}/g },
  { kind: 'PyPI token', core: 58, pattern: /pypi-AgE[A-Za-z0-9_-]{50,}/g },
  { kind: 'Docker Hub token', core: 37, pattern: /dckr_[op]at_[A-Za-z0-9_-]{27,}/g },
  { kind: 'Hugging Face token', core: 37, pattern: /hf_[A-Za-z0-9]{34,}/g },
  { kind: 'DigitalOcean token', core: 71, pattern: /do[opr]_v1_[a-f0-9]{64}/g },
  { kind: 'SendGrid key', core: 69, pattern: /SG\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}/g },
  { kind: 'Telegram token', core: 44, pattern: /\d{8,10}:AA[A-Za-z0-9_-]{33}/g },
  { kind: 'Shopify token', core: 38, pattern: /shp(?:at|ss|ca|pa)_[a-fA-F0-9]{32}/g },
  { kind: 'Vault token', core: 28, pattern: /hv[sbr]\.(?=[A-Za-z_-]{0,40}\d)[A-Za-z0-9_-]{24,}/g },
  {
    kind: 'Grafana token',
    core: 36,
    pattern: /glsa_[A-Za-z0-9]{32}_[a-fA-F0-9]{8}|glc_(?=[A-Za-z+/]{0,40}\d)[A-Za-z0-9+/]{32,}={0,3}/g,
  },
  { kind: 'Linear key', core: 48, pattern: /lin_(?:api|oauth)_[A-Za-z0-9]{40,}/g },
  { kind: 'Databricks token', core: 36, pattern: /dapi[a-f0-9]{32}/g },
  { kind: 'Atlassian token', core: 66, pattern: /AT[AC]TT3[A-Za-z0-9_=-]{60,}/g },
  {
    kind: 'Doppler token',
    core: 46,
    pattern: /dp\.(?:pt|ct|st|sa|scim|audit)\.(?:[a-z0-9_-]{2,35}\.)?[A-Za-z0-9]{40,}/g,
  },
  { kind: 'Supabase key', core: 41, pattern: /sbp_[a-f0-9]{40}|sb_secret_[A-Za-z0-9_-]{31}/g },
  { kind: 'PlanetScale token', core: 42, pattern: /pscale_(?:tkn|pw|oauth)_[A-Za-z0-9_=.-]{32,}/g },
  { kind: 'Notion token', core: 50, pattern: /ntn_\d{11}[A-Za-z0-9]{35}|secret_[A-Za-z0-9]{43}/g },
  { kind: 'New Relic key', core: 32, pattern: /NRAK-[A-Z0-9]{27}|NRII-[A-Za-z0-9_-]{32}/g },
  {
    kind: 'model provider key',
    core: 40,
    pattern: /gsk_[A-Za-z0-9]{52}|r8_[A-Za-z0-9]{37}|pplx-[A-Za-z0-9]{48}|xai-[A-Za-z0-9]{80}/g,
  },
  { kind: 'Twilio key', core: 34, pattern: /SK[a-f0-9]{32}/g },
  // `cache-key-` and a hash is none.
  { kind: 'Mailgun key', core: 36, pattern: /(?<![\w-])key-[a-f0-9]{32}(?![a-f0-9])/g },
  { kind: 'Postman key', core: 64, pattern: /PMAK-[a-f0-9]{24}-[a-f0-9]{34}/g },
  { kind: 'Sentry token', core: 60, pattern: /sntry[us]_[A-Za-z0-9+/=_]{56,}/g },
  { kind: 'Pulumi token', core: 44, pattern: /pul-[a-f0-9]{40}/g },
  { kind: 'Terraform token', core: 82, pattern: /[A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_=-]{60,}/g },
  { kind: 'RubyGems key', core: 57, pattern: /rubygems_[a-f0-9]{48}/g },
  { kind: 'Airtable token', core: 82, pattern: /pat[A-Za-z0-9]{14}\.[a-f0-9]{64}/g },
  {
    kind: 'Tailscale key',
    core: 28,
    pattern: /tskey-(?:api|auth|client|scim|webhook)-[A-Za-z0-9]{11,}-[A-Za-z0-9]{20,}/g,
  },
  { kind: 'Netlify token', core: 40, pattern: /nfp_[A-Za-z0-9]{36}/g },
  { kind: 'Figma token', core: 45, pattern: /figd_[A-Za-z0-9_-]{40}/g },
  { kind: 'Brevo key', core: 89, pattern: /xkeysib-[a-f0-9]{64}-[A-Za-z0-9]{16}/g },
  { kind: 'Buildkite token', core: 45, pattern: /bk(?:ua|ct|aj)_[a-f0-9]{40}/g },
  { kind: 'Dynatrace token', core: 96, pattern: /dt0[a-z]\d{2}\.[A-Z0-9]{24}\.[A-Z0-9]{64}/g },
  {
    kind: 'Discord webhook',
    core: 90,
    pattern: /discord(?:app)?\.com\/api\/webhooks\/\d{17,20}\/[A-Za-z0-9_-]{60,}/g,
  },
  { kind: 'Azure key', core: 90, pattern: /AccountKey=[A-Za-z0-9+/]{86}==/g },
  { kind: 'age key', core: 74, pattern: /AGE-SECRET-KEY-1[QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L]{58}/g },
  {
    kind: 'signed token',
    core: 40,
    pattern: /eyJ[A-Za-z0-9_-]{10,600}\.eyJ[A-Za-z0-9_-]{10,4000}\.[A-Za-z0-9_-]{10,}/g,
  },
];

const ASSIGNED =
  /(?:secret|token|passw(?:or)?d|passphrase|api[_-]?key|private[_-]?key|credential)\w{0,40}\\?["']?\s{0,20}[:=]\s{0,20}\\?["'`]?([A-Za-z0-9+/=_-]{20,})/dgi;
const IN_QUERY =
  /[?&](?:key|sig|signature|auth|pwd|code|access_key|x-amz-signature)=([A-Za-z0-9+/=_%.~-]{20,})/dgi;
const IN_HEADER = /\b(?:bearer|basic)\s{1,8}([A-Za-z0-9+/=._~-]{20,})/dgi;
const IN_URL = /[a-z][a-z0-9+]{0,20}:\/\/[^\s:/@"'`]{0,256}:([^\s:/@"'`$<{]{6,256})@/dgi;
/** A token where an address has its user: `https://TOKEN@host`. */
const AS_USER = /[a-z][a-z0-9+]{0,20}:\/\/([A-Za-z0-9_=.~-]{20,256})(?::[^\s/@"'`]{0,256})?@/dgi;
const ALONE = /(?<![A-Za-z0-9+=_-])(?!sha\d{1,3}-)[A-Za-z0-9+=_-]{28,}/dg;
const PLACEHOLDER = /example|placeholder|change-?me|dummy|your[_-]|x{4,}|process\.env|not-?a-?secret/gi;
/** What people write for a password that is none, and what a developer's own machine has. */
const NO_PASSWORD =
  /^(?:[*x.…]+|pass(?:w(?:or)?d)?|secret|postgres|mysql|redis|root|admin|user|guest|test(?:ing)?|local(?:host)?|docker|dev(?:elop(?:ment|er)?)?|foo|bar|token|hunter2)\d{0,4}$/i;

const hasPlaceholder = (text: string): boolean => text.search(PLACEHOLDER) >= 0;

/** Shannon entropy in bits a character. */
export function entropy(text: string): number {
  const counts = new Map<string, number>();
  for (const c of text) counts.set(c, (counts.get(c) ?? 0) + 1);
  return [...counts.values()].reduce((sum, n) => sum - (n / text.length) * Math.log2(n / text.length), 0);
}

/** Random base64 of 20 characters and more measures 3.7–4.6 bits; English identifiers stay under 3.6 or hold no digit. */
const looksRandom = (value: string): boolean =>
  entropy(value) >= 3.6 && /\d/.test(value) && /[A-Za-z]/.test(value);

/**
 * Without a name beside it a value must look like nothing else: small and capital letters and digits, and mostly not words (of random base64
 * a third of the characters are in runs of two small letters and more; of identifiers nearly all; hashes and our own ids have one case only).
 */
function looksRandomAlone(value: string): boolean {
  const plain = value.replace(/[^A-Za-z0-9]/g, '');
  if (plain.length < 24 || !/\d.*\d/.test(plain) || !/[a-z]/.test(plain) || !/[A-Z]/.test(plain))
    return false;
  const inWords = (plain.match(/[A-Z]?[a-z]{2,}/g) ?? []).reduce((sum, word) => sum + word.length, 0);
  return inWords < 0.6 * plain.length && entropy(plain) >= 3.8;
}

/** A placeholder's word does not make the rest of a value one: what remains without it is judged. */
const looksRandomBesides = (value: string): boolean => {
  const rest = value.replaceAll(PLACEHOLDER, '');
  return rest.length >= 16 && looksRandom(rest);
};

/** What is random by nature and meant for everybody: right after such a name a value stays readable. */
const PUBLIC =
  /\b(?:etag|if-(?:none-)?match|integrity|(?:content-)?digest|checksum|content-md5|sri)\b[\s"'`:=[(<>\\-]{0,8}(?:W\/)?[\s"'`\\]{0,4}$|\bW\/["'`\\]{1,4}$/i;

function* valuesOf(
  text: string,
  pattern: RegExp,
  kind: string,
  wanted: (value: string, before: string) => boolean,
) {
  for (const found of text.matchAll(pattern)) {
    const [start, end] = found.indices?.[1] ?? found.indices?.[0] ?? [0, 0];
    const before = text.slice(Math.max(0, start - 40), start);
    if (wanted(text.slice(start, end), before)) yield { start, end, kind };
  }
}

const isReal = (match: string, core: number): boolean =>
  !hasPlaceholder(match.slice(0, core)) && new Set(match).size > 6;

function* found(text: string, alone: boolean): Generator<SecretSpan> {
  for (const { kind, core, pattern } of FORMATS)
    for (const { 0: match, index } of text.matchAll(pattern))
      if (isReal(match, core)) yield { start: index, end: index + match.length, kind };
  yield* valuesOf(text, ASSIGNED, 'high-entropy value of a secret’s name', looksRandomBesides);
  yield* valuesOf(text, IN_QUERY, 'credential of a request', looksRandomBesides);
  yield* valuesOf(text, IN_HEADER, 'credential of a request', looksRandomBesides);
  yield* valuesOf(text, IN_URL, 'password in an address', isPassword);
  yield* valuesOf(text, AS_USER, 'password in an address', looksRandomBesides);
  if (alone)
    yield* valuesOf(
      text,
      ALONE,
      'high-entropy value',
      (value, before) => !hasPlaceholder(value) && !PUBLIC.test(before) && looksRandomAlone(value),
    );
}

/** A password need not look random: whatever stands where an address has it is one, but for what nobody would call so. */
const isPassword = (value: string): boolean =>
  !NO_PASSWORD.test(value) && value.replaceAll(PLACEHOLDER, '').length >= 6 && !/^[%[(]/.test(value);

/** Secrets in a text, those of known formats first. `alone`: random-looking values without a name beside them too. */
export const secretsIn = (text: string, { alone }: { alone: boolean }): SecretSpan[] => [
  ...found(text, alone),
];

/** No secret is shorter than this: most texts on the trail need no look at all. */
const SHORTEST = 16;

/** Never longer than what it stands for, so that a text that fitted its bounds still does. */
const labelOf = ({ start, end, kind }: SecretSpan): string => {
  const label = `[masked: ${kind}]`;
  return label.length <= end - start ? label : '[masked]';
};

/** The text with `[masked: <kind>]` where a secret was. Said twice it changes nothing more. */
export function maskSecrets(text: string): string {
  if (text.length < SHORTEST) return text;
  const spans = secretsIn(text, { alone: true });
  if (spans.length === 0) return text;
  let at = 0;
  let masked = '';
  // Of spans that overlap the one that begins first names it, and all of them go.
  for (const span of spans.sort((a, b) => a.start - b.start || b.end - a.end)) {
    if (span.start >= at) masked += text.slice(at, span.start) + labelOf(span);
    at = Math.max(at, span.end);
  }
  return masked + text.slice(at);
}

/**
 * Bytes with `x` for each byte of a secret of a known format: the length stays, so that an archive stays one. Values that are only
 * random-looking stay: in files they are mostly data.
 */
export function maskBytes(bytes: Uint8Array): Uint8Array {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const text = buffer.toString('latin1');
  let masked: Buffer | null = null;
  for (const { kind, core, pattern } of FORMATS)
    for (const { 0: match, index } of text.matchAll(pattern)) {
      if (!isReal(match, core)) continue;
      masked ??= Buffer.from(buffer);
      const from = kind === 'private key' ? index + match.indexOf('KEY') : index; // what it was stays readable
      masked.fill('x', from, index + match.length);
    }
  return masked ?? bytes;
}

/** Every string in a JSON value, masked; keys stay. The same value where nothing was found. */
export function maskDeep(value: unknown, mask: (text: string) => string = maskSecrets): unknown {
  if (typeof value === 'string') return mask(value);
  if (Array.isArray(value)) {
    const masked = value.map((one) => maskDeep(one, mask));
    return masked.some((one, i) => one !== value[i]) ? masked : value;
  }
  if (value === null || typeof value !== 'object') return value;
  const entries = Object.entries(value).map(([key, inner]) => [key, maskDeep(inner, mask)] as const);
  return entries.some(([key, inner]) => inner !== (value as Record<string, unknown>)[key])
    ? Object.fromEntries(entries)
    : value;
}
