// The command line's words for what is done on these pages, to be taken along: each as it is typed into a shell.

/** As one word of a shell. */
const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;
const why = (reason: string): string => quoted(reason.trim() || '…');

export const haltCommand = (repo: string, reason: string): string =>
  repo === ''
    ? `./millwright halt --reason ${why(reason)}`
    : `./millwright halt --repo ${repo} --reason ${why(reason)}`;
export const cancelCommand = (run: string, reason: string): string =>
  `./millwright run cancel ${run} --reason ${why(reason)}`;
export const retryCommand = (run: string, reason: string): string =>
  `./millwright run retry ${run} --reason ${why(reason)}`;
export const approveCommand = (gate: string, reason: string): string =>
  `./millwright gate approve ${gate} --reason ${why(reason)}`;
export const denyCommand = (gate: string, reason: string): string =>
  `./millwright gate deny ${gate} --reason ${why(reason)}`;
export const rollbackCommand = (repo: string, release: string | undefined): string =>
  release === undefined
    ? `./millwright rollback --repo ${repo}`
    : `./millwright rollback ${release} --repo ${repo}`;
export const abortCommand = (repo: string, reason: string): string =>
  `./millwright release abort ${repo} --reason ${why(reason)}`;
export const pauseCommand = (repo: string, reason: string): string =>
  `./millwright release pause ${repo} --reason ${why(reason)}`;
export const promoteCommand = (repo: string, reason: string): string =>
  `./millwright release promote ${repo} --reason ${why(reason)}`;
export const freezeCommand = (repo: string, reason: string): string =>
  `./millwright release freeze ${repo} --reason ${why(reason)}`;
export const thawCommand = (repo: string, reason: string): string =>
  `./millwright release thaw ${repo} --reason ${why(reason)}`;
export const stepCommand = (repo: string, step: number, kind: string, reason: string): string =>
  kind === ''
    ? `./millwright autonomy set ${step} --repo ${repo} --reason ${why(reason)}`
    : `./millwright autonomy set ${step} --repo ${repo} --kind ${kind} --reason ${why(reason)}`;
export const budgetCommand = (scope: string, usd: string, reason: string): string =>
  `./millwright budget set ${scope} ${usd} --reason ${why(reason)}`;
export const moveCommand = (repo: string, unit: string, reason: string): string =>
  `./millwright repo move ${repo} --unit ${unit} --reason ${why(reason)}`;
