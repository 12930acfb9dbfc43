import { describe, expect, it } from 'vitest';
import { guessByForm, guessesInLines, guessSecret } from '../../../../src/cli/check/secret-text.ts';

// Put together at run time, so that no scanner takes this file for a leak.
const tokens: Readonly<Record<string, string>> = {
  'a private key': `-----BEGIN ${'RSA'} PRIVATE KEY-----\nMII`,
  'an AWS access key': `AKIA${'ABCDEFGH12345678'}`,
  'a GitHub token': `ghp_${'a1B2'.repeat(9)}`,
  'a GitLab token': `glpat-${'a1B2c'.repeat(4)}`,
  'a Slack token': `xoxb-${'1234567890'}-abc`,
  'a Stripe key': `sk_live_${'a1B2'.repeat(6)}`,
  'a Google API key': `AIza${'a1B2c'.repeat(7)}`,
  'an npm token': `npm_${'a1B2'.repeat(9)}`,
  'a SendGrid key': `SG.${'a1B2'.repeat(5)}.${'a1B2'.repeat(8)}`,
  'a Vault token': `hvs.${'a1B2'.repeat(8)}`,
  'an Azure storage key': `DefaultEndpointsProtocol=https;AccountKey=${'a1B2'.repeat(20)}==`,
  'a JSON Web Token': `eyJ${'a1B2'.repeat(4)}.eyJ${'a1B2'.repeat(4)}.${'a1B2'.repeat(4)}`,
  'a password in a URL': 'postgres://app:hunter22@db:5432/shop',
};

describe('guessSecret', () => {
  it.each(Object.entries(tokens))('knows %s whatever its name', (what, text) => {
    expect(guessSecret('ANYTHING', text)).toEqual({ what, isCertain: true });
    expect(guessByForm(`some text\nbefore ${text} and after`)?.what).toBe(what);
  });

  it.each([
    ['DB_PASSWORD', 'hunter22'],
    ['dbPassword', 'hunter22'],
    ['spring.datasource.password', 'hunter22'],
    ['API_KEY', 'abc123'],
    ['apiKey', 'abc123'],
    ['GITHUB_TOKEN', 'abc123'],
    ['CLIENT_SECRET', 'abc123'],
    ['AWS_SECRET_ACCESS_KEY', 'abc123'],
    ['MYSQL_ROOT_PASSWORD', 'changeme'],
    ['CREDENTIALS', 'user:pass'],
    ['SESSION_KEY', 'abc123'],
    ['FERNET_KEY', 'Zx81kQp0vT7mN2sLw9Yc4RbH'],
  ])('takes %s for a secret', (name, value) => {
    expect(guessSecret(name, value)?.isCertain).toBe(false);
  });

  it.each([
    ['DB_PASSWORD', ''],
    ['DB_PASSWORD', '$(FROM_SECRET)'],
    // biome-ignore lint/suspicious/noTemplateCurlyInString: what a manifest says
    ['DB_PASSWORD', '${DB_PASSWORD}'],
    ['DB_PASSWORD', '<set me>'],
    ['DB_PASSWORD', 'vault:secret/data/db#password'],
    ['DB_PASSWORD', 'ENC[AES256_GCM,data:x]'],
    ['DB_PASSWORD', '********'],
    ['DB_PASSWORD', 'REDACTED'],
    ['DB_PASSWORD', 'your-password-here'],
    ['DB_PASSWORD_FILE', '/run/secrets/db'],
    ['DB_PASSWORD', '/run/secrets/db'],
    ['SECRET_NAME', 'db-credentials'],
    ['TOKEN_URL', 'https://login.example.com/token'],
    ['TOKEN_TTL', '3600'],
    ['TOKEN', '5'],
    ['MAX_TOKENS', '4096'],
    ['TOKENIZER', 'bert-base'],
    ['TOKEN_ISSUER', 'example'],
    ['PASSWORD_POLICY', 'strict'],
    ['REQUIRE_PASSWORD', 'true'],
    ['CACHE_KEY', 'orders'],
    ['SORT_KEY', 'created_at'],
    ['PUBLIC_KEY', 'abc'],
    ['KEYBOARD', 'us'],
    ['MONKEY', 'abc123'],
    ['AUTHOR', 'somebody'],
    ['AUTH', 'oauth2'],
    ['IMAGE_KEY', 'd41d8cd98f00b204e9800998ecf8427e'],
    ['ROUTING_KEY', 'orders.created.eu-west-1.v2'],
    ['SECRET_PROVIDER', 'aws'],
    ['HOST', 'db.example.com'],
    ['DATABASE_URL', 'postgres://app@db:5432/shop'],
    // biome-ignore lint/suspicious/noTemplateCurlyInString: what a manifest says
    ['DATABASE_URL', 'postgres://app:${DB_PASSWORD}@db:5432/shop'],
    ['DATABASE_URL', 'postgres://app:$(DB_PASSWORD)@db:5432/shop'],
    ['PROXY', 'http://proxy.example.com:3128'],
    ['DOC', 'see https://example.com/a:b@c'],
  ])('lets %s=%s pass', (name, value) => {
    expect(guessSecret(name, value)).toBeUndefined();
  });

  it('looks at long texts without delay', () => {
    const texts = [
      'a'.repeat(2_000_000),
      `http://${'a:'.repeat(500_000)}`,
      'eyJ'.repeat(300_000),
      `${'-'.repeat(1_000_000)}x`,
    ];
    for (const text of texts) expect(guessByForm(text)).toBeUndefined();
  });
});

describe('guessesInLines', () => {
  it('finds settings in files, with their lines', () => {
    const text = [
      '# password: none',
      'db:',
      '  password: hunter22 # old',
      "  'token': 'abc123',",
      'secret_name: x',
      'tls: { key: a }',
    ];
    expect(guessesInLines(text.join('\n')).map(({ line, name }) => [line, name])).toEqual([
      [3, 'password'],
      [4, 'token'],
    ]);
  });

  it('lets code and prose pass', () => {
    const text = [
      'password = os.environ["DB_PASSWORD"] or prompt()',
      'The password: choose one that you can remember',
      'token: |',
      'password: >-',
      'secret: { name: x }',
      'api_key: {{ .Values.key }}',
      `token: ${'x'.repeat(2_000)}`,
    ];
    expect(guessesInLines(text.join('\n'))).toEqual([]);
  });
});
