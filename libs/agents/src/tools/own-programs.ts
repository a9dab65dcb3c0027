/** A command with the repository's own programs on its PATH, after the system's, as the judge's command has them. */
export const withOwnPrograms = (command: string): string => `PATH="$PATH:$PWD/node_modules/.bin"\n${command}`;
