import { stripVTControlCharacters } from 'node:util';

/** What git says after every failed transport, whatever failed. */
const GENERAL =
  /^((fatal: )?Could not read from remote repository\.|Please make sure you have the correct access rights|and the repository exists\.)$/;

/** What the server's hooks said: five lines at most, without their colours. */
export const remarks = (text: string): string[] =>
  [...text.matchAll(/^remote: (.*\S)\s*$/gm)]
    .map(([, said = '']) => stripVTControlCharacters(said))
    .slice(0, 5);

/** The line of git's that says what is wrong. */
export function complaint(text: string): string {
  const lines = text.split('\n').filter((line) => line.trim() !== '' && !GENERAL.test(line));
  const said = lines.find((line) => /^(fatal|error): /.test(line)) ?? lines.at(-1);
  return said?.replace(/^(fatal|error): /, '') ?? 'git said nothing';
}
