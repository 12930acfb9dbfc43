import type { Field } from '../../../manifests/field.ts';
import type { Rule } from '../../rule.ts';
import { guessByForm, guessesInLines, guessSecret, type SecretGuess } from '../../secret-text.ts';

export const secretInConfigMap: Rule = {
  id: 'SB602',
  name: 'secret-in-config-map',
  severity: 'warning',
  title: 'No secrets are written out in ConfigMaps',
  help:
    'ConfigMaps are read more widely than Secrets, and not encrypted at rest. Keys are looked at, and lines such as `password: ...` in files. An error ' +
    'where the text has the form of a well-known token. The value is never shown.',
  fix: 'Put it into a Secret, mount that, and change it: it has been seen.',
  link: 'https://kubernetes.io/docs/concepts/configuration/configmap/',
  *check({ objects }) {
    for (const object of objects) {
      if (object.kind !== 'ConfigMap' || object.group !== '') continue;
      for (const [key, field] of object.root.at('data').entries) {
        for (const { where, guess } of guessesIn(key, field)) {
          yield {
            object,
            path: field.path,
            message: `${where} holds what looks like ${guess.what}`,
            ...(guess.isCertain ? { severity: 'error' as const } : {}),
          };
        }
      }
    }
  },
};

function guessesIn(
  key: string,
  { text }: Field,
): readonly { readonly where: string; readonly guess: SecretGuess }[] {
  if (text === undefined) return [];
  if (!text.trimEnd().includes('\n')) {
    const guess = guessSecret(key, text) ?? guessesInLines(text)[0]?.guess;
    return guess === undefined ? [] : [{ where: `key ${key}`, guess }];
  }
  const form = guessByForm(text);
  return [
    ...(form === undefined ? [] : [{ where: `key ${key}`, guess: form }]),
    ...guessesInLines(text).map(({ line, name, guess }) => ({
      where: `key ${key}, line ${line} (${name}),`,
      guess,
    })),
  ];
}
