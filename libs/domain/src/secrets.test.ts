import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { entropy, maskBytes, maskDeep, maskSecrets, secretsIn } from './secrets.ts';

/** In two parts, so that this file holds no secret itself. */
const join = (...parts: string[]) => parts.join('');
const RANDOM = 'q8Zt3Lw0Xr5Yv7Nc2Mb9Kd4HsPf6';
const KEY = join(
  '-----BEGIN ',
  'PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQ\n',
  'EFAASC\n-----END ',
  'PRIVATE KEY-----',
);
const HEX = '0123456789abcdef'.repeat(2);
const ANY = 'aB1cD2eF3gH4iJ5kL6mN7oP8qR9sT0uV1wX2yZ3aB4cD5eF6gH7i';
const formats: [kind: string, secret: string][] = [
  ['private key', KEY],
  ['private key', KEY.replaceAll('\n', '\\n')],
  ['AWS access key', join('AKIA', 'IOSFODNN7ABCDEFG')],
  ['GitHub token', join('ghp', '_abcdefghijklmnopqrstuvwxyz0123456789')],
  ['GitLab token', join('glpat', '-abcdefghij0123456789')],
  ['Slack token', join('xoxb', '-123456789012-abcdefghij')],
  ['Slack webhook', join('hooks.slack.com', '/services/T0000/B0000/abcdefghijklmnopqrstuvwxyz01234567')],
  ['Stripe key', join('sk_live', '_abcdefghij0123456789')],
  ['model provider key', join('sk-', 'ant-api03-abcdefghijklmnopqrstuvwxyz0123')],
  ['Google API key', join('AIza', 'SyA1234567890abcdefghijklmnopqrstuv')],
  ['npm token', join('npm', '_abcdefghijklmnopqrstuvwxyz0123456789')],
  ['PyPI token', join('pypi-', 'AgEIcHlwaS5vcmcabcdefghijklmnopqrstuvwxyz0123456789abcdef')],
  ['Docker Hub token', join('dckr', '_pat_abcdefghijklmnopqrstuvwxyz0')],
  ['Hugging Face token', join('hf', '_abcdefghijklmnopqrstuvwxyzABCDEFGH')],
  ['SendGrid key', join('SG.', `${'a1'.repeat(11)}.${'b2'.repeat(21)}c`)],
  ['Stripe key', join('rk_test', '_abcdefghij0123456789')],
  ['GitLab token', join('gloas', '-abcdefghij0123456789')],
  ['Shopify token', join('shpat', `_${HEX}`)],
  ['Vault token', join('hvs.', 'CAESIJ0abcdefghijklmnopq')],
  ['Grafana token', join('glsa', `_${ANY.slice(0, 32)}_0123abcd`)],
  ['Grafana token', join('glc', `_${ANY}`)],
  ['Linear key', join('lin_api', `_${ANY.slice(0, 40)}`)],
  ['Databricks token', join('dapi', HEX)],
  ['Atlassian token', join('ATATT3', ANY, ANY)],
  ['Doppler token', join('dp.pt', `.${ANY.slice(0, 43)}`)],
  ['Doppler token', join('dp.st.dev', `.${ANY.slice(0, 43)}`)],
  ['Supabase key', join('sbp', `_${HEX}01234567`)],
  ['PlanetScale token', join('pscale_tkn', `_${ANY.slice(0, 43)}`)],
  ['PlanetScale token', join('pscale_pw', `_${ANY.slice(0, 43)}`)],
  ['Notion token', join('ntn', `_01234567890${ANY.slice(0, 35)}`)],
  ['Notion token', join('secret', `_${ANY.slice(0, 43)}`)],
  ['New Relic key', join('NRAK', '-ABCDEFGHIJKLMNOPQRSTUVWX012')],
  ['model provider key', join('gsk', `_${ANY.slice(0, 52)}`)],
  ['model provider key', join('r8', `_${ANY.slice(0, 37)}`)],
  ['Twilio key', join('SK', HEX)],
  ['Postman key', join('PMAK', `-${HEX.slice(0, 24)}-${HEX}01`)],
  ['Sentry token', join('sntryu', `_${HEX}${HEX}`)],
  ['Pulumi token', join('pul', `-${HEX}01234567`)],
  ['Terraform token', join(ANY.slice(0, 14), '.atlasv1.', ANY, ANY)],
  ['Airtable token', join('pat', ANY.slice(0, 14), `.${HEX}${HEX}`)],
  ['Tailscale key', join('tskey', '-auth-kabcdefgh01CNTRL-', ANY.slice(0, 32))],
  ['Discord webhook', join('discord.com', '/api/webhooks/012345678901234567/', ANY, ANY)],
  ['signed token', join('eyJhbGciOiJIUzI1NiJ9', '.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dBjftJeZ4CVPmB92K27u')],
];

describe('masks', () => {
  test.each(formats)('%s', (kind, secret) => {
    for (const around of [
      (s: string) => s,
      (s: string) => `see ${s}\nthen`,
      (s: string) => JSON.stringify({ s }),
    ]) {
      const masked = maskSecrets(around(secret));
      expect(masked).toMatch(/\[masked/);
      expect(masked).not.toContain(secret.slice(-12));
      if (secret.length > 40) expect(masked).toContain(`[masked: ${kind}]`);
      expect(
        around('%')
          .split('%')
          .every((part) => masked.includes(part)),
      ).toBe(true);
    }
  });

  test.each([
    'ETag: "%"',
    'etag: W/"%"',
    '{"etag":"\\"%\\""}',
    'If-None-Match: "%"',
    'integrity: %',
    '- W/"%"',
  ])('what is meant for everybody stays: %s', (text) => {
    const said = text.replace('%', RANDOM);
    expect(maskSecrets(said)).toBe(said);
    expect(maskSecrets(`token = ${RANDOM} ${said}`)).toMatch(/^token = \[masked/);
  });

  test.each([
    ['password = "%"', 'a value of a secret’s name'],
    ['{"apiKey":"%"}', 'in JSON'],
    ['{\\"api_key\\":\\"%\\"}', 'in JSON in JSON'],
    ['Authorization: Bearer %', 'of a request'],
    ['postgres://shop:%@db/shop', 'of an address'],
    ['the key is %, keep it', 'with nothing beside it'],
  ])('a random-looking value: %s', (text) => {
    const masked = maskSecrets(text.replace('%', RANDOM));
    expect(masked).not.toContain(RANDOM.slice(0, 12));
    expect(masked).toContain('[masked');
  });

  test('the last of a key that was cut off', () => {
    expect(maskSecrets(KEY.slice(0, 52))).toBe('[masked: private key]');
  });

  test('all of several that overlap, and the text between others', () => {
    const [a, b] = [formats[3]?.[1] ?? '', formats[9]?.[1] ?? ''];
    expect(maskSecrets(`token: ${a} and ${b}.`)).toMatch(/^token: \[masked[^\]]*\] and \[masked[^\]]*\]\.$/);
  });
});

describe('finds in whatever it is glued to', () => {
  test.each(formats)('%s', (kind, secret) => {
    for (const around of ['example%', '%example', 'x%', 'https://host/example/%', 'keys/%.lock', '_%_'])
      expect(secretsIn(around.replace('%', secret), { alone: false }).map((one) => one.kind)).toContain(kind);
  });

  test.each([
    'token = "example_%"',
    'api_key=%-example-value',
    'https://host/x?sig=%',
    'https://host/x?a=1&access_token=%',
    'https://%@host/x.git',
    'https://%:x-oauth-basic@host/x.git',
    'postgres://shop:Kettle-77@db/shop',
    'redis://:Kettle-77@cache',
    `curl --user 'api:key-${HEX}'`,
  ])('a credential: %s', (text) => {
    expect(secretsIn(text.replace('%', RANDOM), { alone: false }).length).toBeGreaterThan(0);
  });
});

describe('leaves', () => {
  test.each([
    'AKIAIOSFODNN7EXAMPLE',
    'sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08',
    'commit 3f786850e387550fdab836ed7e6dc881de23001b on main',
    'run_0mhq2x9k70c1d2e3f4 asked per_00000000admin',
    '550e8400-e29b-41d4-a716-446655440000',
    '"integrity": "sha512-q8Zt3Lw0Xr5Yv7Nc2Mb9Kd4HsPf6q8Zt3Lw0Xr5Yv7Nc2Mb9Kd4HsPf6=="',
    'shouldReturn404WhenTheProductIsNotInTheCatalogueOf2024',
    'src/components/ProductList/useProductListQuery2.generated.test.tsx',
    'const token = process.env.SHOP_TOKEN_FOR_DEPLOYMENT_1;',
    'password: change-me-before-you-deploy-1',
    'postgres://shop:$PASSWORD@db/shop',
    'postgres://postgres:postgres@localhost/shop',
    'postgres://shop:password@localhost:5432/shop',
    'https://host/a?key=shop-products-by-name-and-price',
    'const desk = "desk-classes-for-a-long-name-of-a-component";',
    'ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx',
    'see git@github.com:someone/something.git',
    'AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA',
    'cache-key-d41d8cd98f00b204e9800998ecf8427e',
    'task_test_thatreturnsnothingatall',
    'shpat_token, lin_api_key, sbp_project, secret_name, dp.pt.name, SK_LIST, key-by-name, hf_model, r8_format',
    'hvs.renewsTheLeaseWhereItIsAsked',
    'glc_settingsofthecontainerthatruns',
  ])('%s', (text) => {
    expect(maskSecrets(text)).toBe(text);
  });
});

test('masking twice is masking once, and nothing gets longer', () => {
  const part = fc.oneof(
    fc.string(),
    fc.constantFrom(...formats.map(([, secret]) => secret), RANDOM, 'password='),
  );
  fc.assert(
    fc.property(fc.array(part), (parts) => {
      const text = parts.join(' ');
      const once = maskSecrets(text);
      expect(maskSecrets(once)).toBe(once);
      expect(once.length).toBeLessThanOrEqual(text.length);
    }),
  );
});

test('in values of JSON, whatever is around them; keys and what is no secret stay as they are', () => {
  const [, secret] = formats[3] ?? ['', ''];
  const value = { a: [{ b: `x ${secret}` }, 1, null], c: 'fine' };
  expect(maskDeep(value)).toEqual({ a: [{ b: 'x [masked: GitHub token]' }, 1, null], c: 'fine' });
  expect(maskDeep(value.c)).toBe(value.c);
});

test('bytes keep their length, and what is not a known format', () => {
  const [, secret] = formats[3] ?? ['', ''];
  const bytes = Buffer.concat([
    Buffer.from([0, 255, 128]),
    Buffer.from(`${secret} ${RANDOM} ${KEY}`),
    Buffer.alloc(9),
  ]);
  const masked = Buffer.from(maskBytes(bytes));
  expect(masked.length).toBe(bytes.length);
  expect(masked.includes(secret.slice(-12))).toBe(false);
  expect(masked.includes('MIIEvQ')).toBe(false);
  expect(masked.includes(RANDOM)).toBe(true);
  expect([...masked.subarray(0, 3), ...masked.subarray(-9)]).toEqual([0, 255, 128, ...Buffer.alloc(9)]);
  expect(maskBytes(Buffer.from('none here'))).toEqual(Buffer.from('none here'));
});

test('a long text of anything is scanned in bounded time', () => {
  const hostile = [
    '-----BEGIN PRIVATE KEY-----',
    'a://',
    'password=',
    'eyJaaaaaaaaaaa.',
    'eyJ-',
    'aB1-',
    'bearer ',
    'secret',
    'a://b:',
    'AKIA',
    'eyJaaaaaaaaaa.eyJaaaaaaaaaa.',
    '?key=',
  ];
  for (const part of hostile) secretsIn(part.repeat(300_000 / part.length), { alone: true });
});

test('entropy in bits a character', () => {
  expect(entropy('aaaa')).toBe(0);
  expect(entropy('abcd')).toBe(2);
});
