/**
 * What looks like a secret. Made to be quiet: a name must say so, or the text be of a form that only secrets have. Nothing here
 * gives the text itself back.
 */

/** Forms that are nothing else than secrets, wherever they stand. Each matches in linear time. */
const forms: readonly (readonly [name: string, pattern: RegExp])[] = [
  ['a private key', /-----BEGIN (?:[A-Z]{2,12} )?PRIVATE KEY-----/],
  ['an AWS access key', /\b(?:AKIA|ASIA)[0-9A-Z]{16}\b/],
  ['a GitHub token', /\b(?:gh[pousr]_[A-Za-z0-9]{36}|github_pat_[A-Za-z0-9_]{40})/],
  ['a GitLab token', /\bglpat-[\w-]{20}/],
  ['a Slack token', /\bxox[abposr]-[\w-]{10}/],
  ['a Stripe key', /\b[rs]k_live_[A-Za-z0-9]{16}/],
  ['a Google API key', /\bAIza[\w-]{35}/],
  ['an npm token', /\bnpm_[A-Za-z0-9]{36}\b/],
  ['a SendGrid key', /\bSG\.[\w-]{16,32}\.[\w-]{16}/],
  ['a Vault token', /\bhv[sbr]\.[\w-]{24}/],
  ['an Azure storage key', /\bAccountKey=[A-Za-z0-9+/]{60}/],
  ['a JSON Web Token', /\beyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{10}/],
  [
    'a password in a URL',
    /\b[a-z][a-z0-9+.-]{1,20}:\/\/[^\s:/@?#"'<>${}()*]{0,64}:(?!\*+@|x+@)[^\s:/@"'<>${}()]{3,128}@[\w.[-]/i,
  ],
];

/** Words that make a name that of a secret, when its last word does not make it that of something about one. */
const secretName =
  /password|passwd|passphrase|secret|(?:^|_)(?:token|credentials?|pwd)(?:_|$)|(?:api|access|private|secret|encryption|signing|master|storage|account|session)_?key/;

/** A name that may be a secret's, if the text looks drawn by lot. */
const ambiguousName = /(?:^|_)(?:key|auth|pass|salt|signature|cert)(?:_|$)/;

/** Last words that say: about a secret, not the secret. */
const aboutName =
  /_(?:file|path|dir|directory|name|names|namespace|url|uri|endpoint|host|id|ids|type|kind|ref|refs|header|issuer|audience|ttl|expiry|expiration|expires|duration|timeout|seconds|minutes|hours|days|interval|rotation|enabled|disabled|required|length|size|count|limit|max|min|policy|algorithm|format|prefix|suffix|store|provider|backend|mount|engine|version|hint|regex|pattern|field|column|class|property|label|annotation|config|mode|scope|scopes)$/;

/** Texts that stand for a secret that is elsewhere, or for none. */
const placeholder =
  /^$|^(?:true|false|yes|no|on|off|null|none|nil|undefined|todo|tbd|unset|redacted|required|optional|default|enabled|disabled|always|never|auto)$|^[x*.?_-]+$|^<.*>$|^\$[({]|\{\{|\$\{|\$\(|^ENC\[|^(?:vault|ref\+|awssm|gcpsm|azurekeyvault|op|file|secretref|env)[:+]|^arn:|^projects\/|^\.{0,2}\/|^%[^%]+%$|^(?:your|my|replace|insert|enter|put)[-_ ]/i;

const shortest = 3;

/** What a text looks like: `a GitHub token`, `a password`. */
export interface SecretGuess {
  readonly what: string;
  /** Whether the text's own form says so, rather than the name. */
  readonly isCertain: boolean;
}

/**
 * What a named text looks like, if a secret.
 *
 * @param name of an environment variable or a key: `DB_PASSWORD`, `spring.datasource.password`, `apiKey`
 */
export function guessSecret(name: string, text: string): SecretGuess | undefined {
  return guessByForm(text) ?? guessByName(name, text);
}

/**
 * What a text looks like by its form alone.
 *
 * @param text of any length; only its first mebibyte is looked at
 */
export function guessByForm(text: string): SecretGuess | undefined {
  const looked = text.slice(0, 1024 * 1024);
  const form = forms.find(([, pattern]) => pattern.test(looked));
  return form === undefined ? undefined : { what: form[0], isCertain: true };
}

/** What a text looks like by the name it has. */
export function guessByName(name: string, text: string): SecretGuess | undefined {
  const words = inSnakeCase(name);
  const value = text.trim();
  if (value.length < shortest || placeholder.test(value) || /^\d{1,5}$/.test(value)) return undefined;
  if (aboutName.test(words) || /\s/.test(value) || isPlainUrl(value)) return undefined;
  if (secretName.test(words)) return { what: 'a secret, by its name', isCertain: false };
  if (ambiguousName.test(words) && looksRandom(value)) {
    return { what: 'a secret: its text looks random', isCertain: false };
  }
  return undefined;
}

/** Lines such as `password: x` and `db.password=x` in a text that is a file of settings; with their numbers, from 1. */
export function guessesInLines(
  text: string,
): readonly { readonly line: number; readonly name: string; readonly guess: SecretGuess }[] {
  return text.split('\n', mostLines).flatMap((line, i) => {
    if (line.length > longestLine) return [];
    const match = /^\s*(?:-\s+|export\s+)?["']?([A-Za-z][\w.-]{0,80})["']?\s*[:=]\s*(\S.*)$/.exec(line);
    const [, name = '', rest = ''] = match ?? [];
    const value = /^(["'])(.*?)\1/.exec(rest)?.[2] ?? rest.replace(/\s+#.*$/, '').replace(/[,;]\s*$/, '');
    const guess = match === null || /^[|>[{&]/.test(rest) ? undefined : guessByName(name, value);
    return guess === undefined ? [] : [{ line: i + 1, name, guess }];
  });
}

const mostLines = 20_000;
const longestLine = 1_000;

function inSnakeCase(name: string): string {
  return name
    .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
    .replace(/[^A-Za-z0-9]+/g, '_')
    .toLowerCase();
}

function isPlainUrl(value: string): boolean {
  return /^[a-z][a-z0-9+.-]*:\/\//i.test(value);
}

/** Long, of letters and digits, with no letter much more frequent than the others; no hash of a file. */
function looksRandom(value: string): boolean {
  if (value.length < 20 || value.length > 512) return false;
  if (/^(?:[0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{64}|[0-9a-f-]{36})$/i.test(value)) return false;
  if (!/[A-Za-z]/.test(value) || !/\d/.test(value) || !/^[\w+/=.~-]+$/.test(value)) return false;
  return entropy(value) >= 3.8;
}

/** Bits per character, by Shannon. */
function entropy(value: string): number {
  const counts = new Map<string, number>();
  for (const character of value) counts.set(character, (counts.get(character) ?? 0) + 1);
  return [...counts.values()].reduce((bits, count) => {
    const share = count / value.length;
    return bits - share * Math.log2(share);
  }, 0);
}
