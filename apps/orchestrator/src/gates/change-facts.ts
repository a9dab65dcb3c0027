import { basename, dirname } from 'node:path/posix';
import type { ChangeFacts, GitSha, RepoConfig, Run, TestReport } from '@millwright/domain';
import {
  type ChangedFile,
  irreversibleOf,
  isDocument,
  isPictureOfDocs,
  isTest,
  risk,
} from '@millwright/policy';
import type { Repositories } from '../source-control/repositories.ts';
import type { Repository } from '../source-control/repository.ts';
import type { KnownSecrets } from '../streams/known-secrets.ts';
import type { Register } from '../streams/register.ts';
import { nearTo, type QuarantineFact } from './quarantine.ts';

type Ports = { knownSecrets: KnownSecrets; register: Register; repositories: Repositories };

/** Sources that may load a file by its name. Manifests and the tables of contents of documents name files, and load none. */
const SOURCE =
  /\.(?:[cm]?[jt]sx?|vue|svelte|astro|py|rb|go|rs|java|kts?|scala|cs|fs|php|pl|lua|sh|bash|zsh|ps1|exs?|erl|cljs?|swift|mm?|[ch](?:pp|c|xx)?|dart|r|jl|sql|html?|ejs|hbs|njk|pug|twig|tf|nix|mk|ya?ml|json|toml)$|(?:^|\/)(?:Dockerfile|Makefile)[^/]*$/i;
const NAMES_ONLY =
  /(?:^|\/)(?:package(?:-lock)?\.json|npm-shrinkwrap\.json|pnpm-lock\.yaml|pyproject\.toml|Cargo\.toml|composer\.json|deno\.jsonc?|mkdocs\.ya?ml|_toc\.ya?ml|sidebars?\.[jt]s)$/;

/** A program may have no extension. */
const isSource = (file: string): boolean => SOURCE.test(file) || /^[^.]+$/.test(basename(file));

/** How a source writes a document's name; or one of its folders, or its extension, whose every file it then may read. */
function namesOfDocument(path: string): string[] {
  const folders = path.split('/').slice(0, -1);
  const ends = ["'", '"', '`', "/'", '/"', '/`', '/${', '/*', '/%', '/{'];
  const extension = /\.[^./]+$/.exec(path)?.[0];
  const byExtension =
    extension === undefined ? [] : [`'${extension}'`, `"${extension}"`, `*${extension}`, `\\${extension}$`];
  return [
    basename(path),
    ...byExtension,
    ...folders.flatMap((folder) => ends.map((end) => `${folder}${end}`)),
  ];
}

/** How a source writes a test file's name: without its extension, and with its folder where the name says little. */
function namesOfTest(path: string): string[] {
  const stem = basename(path).replace(/\.[^.]+$/, '');
  return [/[._-]/.test(stem) ? stem : `${basename(dirname(path))}/${stem === 'index' ? '' : stem}`];
}

/**
 * Which of these documents and tests a source of the tree names, and so may load. It reads names, not programs: it errs towards "named", which
 * costs a change its triviality.
 */
async function namedIn(repo: Repository, tree: GitSha, paths: readonly string[]): Promise<string[]> {
  const namesOf = (path: string) => (isTest(path) ? namesOfTest(path) : namesOfDocument(path));
  const sourcesWith = async (texts: readonly string[]) =>
    (await repo.holding(tree, texts)).filter(
      (file) => isSource(file) && !NAMES_ONLY.test(file) && !isTest(file) && !isDocument(file),
    );
  const all = [...new Set(paths.flatMap(namesOf))].sort();
  // One search tells of all where nothing is named, as is mostly so.
  if ((await sourcesWith(all)).length === 0) return [];
  if (paths.length > MOST_LOOKED_FOR) return [...paths];
  const each = await Promise.all(paths.map(async (path) => (await sourcesWith(namesOf(path))).length > 0));
  return paths.filter((_, i) => each[i]);
}
/** Of more, one by one, each is taken as named. */
const MOST_LOOKED_FOR = 20;

type Judged = {
  config: RepoConfig;
  authorTrusted: boolean;
  report: TestReport | null;
  /** What of the quarantine it holds, which needs no likeness. */
  held: readonly QuarantineFact[];
};

export async function changeFacts(
  factory: Ports,
  run: Run,
  from: GitSha,
  to: GitSha,
  { config, authorTrusted, report, held }: Judged,
): Promise<ChangeFacts> {
  const repo = await factory.repositories.open(run.repo);
  const [paths, files, secrets, near] = await Promise.all([
    repo.changed(from, to),
    repo.changedFiles(from, to),
    factory.knownSecrets.now(),
    nearTo(factory, run.repo, from, to, held),
  ]);
  const tests = report
    ? {
        missing: report.names.missing,
        baseFailing: report.baseTests.failing,
        namesKnown: namesKnown(report),
        verdict: report.verdict,
        doubts: report.doubts,
        files: report.testFiles,
      }
    : null;
  const named = await namedOfThese(repo, to, files);
  const input = { paths, files, secrets, config, authorTrusted, tests, near };
  const facts = risk({ ...input, named });
  // Whether a source loads what is called a test, or shows a picture, makes a difference only here.
  if (facts.risk !== 'trivial') return facts;
  const rest = paths.map(({ path }) => path).filter((path) => isTest(path) || isPictureOfDocs(path));
  return risk({ ...input, named: new Set([...named, ...(await namedIn(repo, to, rest))]) });
}

/** Of documents, and of tests that clean up behind themselves: whether a source names them says whether what they hold is done. */
async function namedOfThese(repo: Repository, tree: GitSha, files: readonly ChangedFile[]) {
  const asked = files.filter(
    ({ path, after }) =>
      isDocument(path) || (isTest(path) && Buffer.from(after?.bytes ?? []).includes('dtemp')),
  );
  return new Set(
    asked.length === 0
      ? []
      : await namedIn(
          repo,
          tree,
          asked.map(({ path }) => path),
        ),
  );
}

/** What going from one tree to another does that cannot be taken back. */
export async function irreversibleBetween(
  repo: Repository,
  from: GitSha,
  to: GitSha,
): Promise<ChangeFacts['irreversible']> {
  const files = await repo.changedFiles(from, to);
  return irreversibleOf(files, await namedOfThese(repo, to, files));
}

export const namesKnown = (report: TestReport | null): boolean =>
  report !== null && (report.followed === 'proven' || report.followed === 'by_name');
