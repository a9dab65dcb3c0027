import type { ChangedPath, RepoConfig, TestDoubt, Ticket } from '@millwright/domain';
import type { Checkout } from '@millwright/sandbox';
import type { TestCommand, Toolchain, TreeFiles } from '@millwright/toolchains';
import { combined, type HarnessPlan, textEntry } from './harness-plan.ts';
import { speaksOfTestSetup } from './ticket-words.ts';
import { type Entry, listEntries, readEntry } from './tree-entries.ts';

// A change may not decide about itself: how tests are found, started and configured, and what the base's command and configuration load
// beside the sources under test, is the base's. What cannot be taken from the base without taking the change away is a doubt.

export type BaseInputs = { plan: HarnessPlan; doubts: TestDoubt[] };

export async function baseInputs(
  toolchain: Toolchain,
  command: Extract<TestCommand, { kind: 'command' }>,
  on: { base: Checkout; files: TreeFiles; candidate: Checkout; changed: readonly ChangedPath[] },
): Promise<BaseInputs> {
  const { base, candidate, changed } = on;
  const touched = new Set(changed.map(({ path }) => path));
  const [there, here] = await Promise.all([listEntries(base, toolchain), listEntries(candidate, toolchain)]);
  const added = [...touched].filter((path) => !there.has(path));
  const loaded = await loadedOf(toolchain, command, on.files, added);
  const doubts: TestDoubt[] = [];
  const doubt = (code: string, path: string, text: string) => doubts.push({ code, text, path });
  const restore = new Set<string>();

  // By name: a build can have made what no change has, so both trees are looked at.
  for (const path of new Set([...there.keys(), ...here.keys()])) {
    if (!toolchain.isConfiguration(path)) continue;
    restore.add(path);
    if (here.get(path) === 'link' && touched.has(path))
      doubt('configuration-link', path, `makes ${path} a link; the tests ran with the base's`);
  }
  for (const path of [...touched].filter(toolchain.isManifest)) {
    const entries = await otherEntries(toolchain, base, candidate, path);
    if (entries.length > 0)
      doubt(
        'entries-changed',
        path,
        `changes which files are found by which name (${entries.join(', ')}): what tests load may be another file than users get`,
      );
  }
  const merged: { path: string; entry: Entry }[] = [];
  for (const path of [...there.keys()].filter(toolchain.isManifest)) {
    const made = await mergedManifest(toolchain, base, candidate, path);
    if (made === 'restore') {
      restore.add(path);
      if (here.has(path) && there.get(path) === 'file')
        doubt(
          'configuration-link',
          path,
          `makes ${path} something else than a file; the tests ran with the base's`,
        );
    } else if (made !== null) merged.push({ path, entry: made });
  }
  for (const path of touched) {
    if (!toolchain.isInstalled(path)) continue;
    restore.add(path);
    doubt('installed-files', path, `changes ${path}, which an installation makes; the tests ran without it`);
  }
  for (const path of added.filter(isOption)) {
    restore.add(path);
    doubt(
      'runner-input',
      path,
      `adds ${path}, whose name a program takes for an option; the tests ran without it`,
    );
  }
  for (const path of added.filter(toolchain.isSource)) {
    const behind = standsBefore(
      path,
      [...there.keys()].filter((one) => here.has(one)),
    );
    if (behind !== undefined)
      doubt('stands-before', path, `adds ${path}, which may be found in place of ${behind}`);
  }
  for (const { path, restored } of loaded) {
    if (restored) restore.add(path);
    const by = [...touched].find((one) => one === path || shadows(one, path, there));
    if (by === undefined || (!restored && toolchain.isTest(path))) continue;
    if (restored && by !== path) restore.add(by);
    doubt(
      'runner-input',
      by,
      restored
        ? `changes ${by}, which the base's test command or configuration loads; the tests ran with the base's`
        : `changes ${by}, which the base's test command starts by name`,
    );
  }
  return { plan: combined(await restoring(base, [...restore]), { remove: [], write: merged }), doubts };
}

/**
 * That the candidate finds, starts or configures its tests otherwise than the base, as a doubt: the tests of this change ran as the base has
 * it, those of every later one will not.
 */
export async function reconfigured(
  toolchain: Toolchain,
  command: Extract<TestCommand, { kind: 'command' }>,
  config: RepoConfig,
  { base, candidate, ticket }: { base: TreeFiles; candidate: TreeFiles; ticket: Ticket },
): Promise<TestDoubt[]> {
  const own = await toolchain.testCommand(config, candidate);
  const [before, after] = await Promise.all([
    toolchain.testSetup(command, base),
    own.kind === 'none' ? new Map<string, string>() : toolchain.testSetup(own, candidate),
  ]);
  const paths = [...new Set([...before.keys(), ...after.keys()])].filter(
    (path) => before.get(path) !== after.get(path),
  );
  const [path] = paths;
  if (path === undefined) return [];
  const asked = speaksOfTestSetup(ticket);
  const what = `changes how tests are found, started or configured: ${paths.slice(0, 3).join(', ')}${paths.length > 3 ? ` and ${paths.length - 3} more` : ''}`;
  return [
    asked
      ? { code: 'test-setup', path, text: what.slice(0, 500) }
      : { code: 'tests-reconfigured', path, text: `${what}; the ticket does not ask for it`.slice(-500) },
  ];
}

/** Also what the base loads where it is there, and a change adds: with the base it is not there. */
async function loadedOf(
  toolchain: Toolchain,
  command: Extract<TestCommand, { kind: 'command' }>,
  base: TreeFiles,
  added: readonly string[],
) {
  const loaded = await toolchain.loadedBy(command, base);
  if (added.length === 0) return loaded;
  const isNew = new Set(added);
  const read = async (path: string) => (isNew.has(path) ? null : base.read(path));
  const besides = await toolchain.loadedBy(command, { paths: [...base.paths, ...added], read });
  return [...loaded, ...besides.filter(({ path }) => isNew.has(path))];
}

/** The source that a new one may be taken for, where it is asked for without its ending: beside it, or the index of a folder. */
function standsBefore(path: string, kept: readonly string[]): string | undefined {
  const stem = (one: string) => one.replace(/(\/index)?\.[cm]?[jt]sx?$/, '');
  return kept.find((one) => one !== stem(one) && stem(one) === stem(path));
}

/** A pattern of names in a command hands it to the program as it is. */
const isOption = (path: string): boolean => path.startsWith('-');

/** Whether a new path would be found in place of a loaded one: without its ending, or as a folder of its name. */
const shadows = (path: string, loaded: string, there: ReadonlyMap<string, unknown>): boolean => {
  if (there.has(path)) return false;
  const stem = loaded.replace(/\.[^./]+$/, '');
  return path === stem || path.replace(/\.[^./]+$/, '') === stem || path.startsWith(`${stem}/`);
};

/** What puts paths back to what the base has there, nothing included. */
export async function restoring(base: Checkout, paths: readonly string[]): Promise<HarnessPlan> {
  const read = await Promise.all(paths.map(async (path) => ({ path, entry: await readEntry(base, path) })));
  return {
    remove: read.flatMap(({ path, entry }) => (entry === null ? [path] : [])),
    write: read.flatMap(({ path, entry }) => (entry === null ? [] : [{ path, entry }])),
  };
}

/** The keys by which the two manifests say otherwise which file is found by which name. */
async function otherEntries(
  toolchain: Toolchain,
  base: Checkout,
  candidate: Checkout,
  path: string,
): Promise<string[]> {
  const [from, to] = await Promise.all(
    [base, candidate].map(async (on) => {
      const entry = await readEntry(on, path);
      return toolchain.entriesOf(entry?.kind === 'file' ? new TextDecoder().decode(entry.bytes) : '');
    }),
  );
  return [...new Set([...(from?.keys() ?? []), ...(to?.keys() ?? [])])].filter(
    (key) => from?.get(key) !== to?.get(key),
  );
}

async function mergedManifest(
  toolchain: Toolchain,
  base: Checkout,
  candidate: Checkout,
  path: string,
): Promise<Entry | 'restore' | null> {
  const [from, to] = await Promise.all([readEntry(base, path), readEntry(candidate, path)]);
  // Without a manifest of its own the candidate runs without: that it is gone is the change's own matter.
  if (from === null || to === null) return null;
  if (from.kind !== 'file' || to.kind !== 'file') return from.kind === to.kind ? null : 'restore';
  const text = toolchain.mergeManifest(
    new TextDecoder().decode(from.bytes),
    new TextDecoder().decode(to.bytes),
  );
  return text === null ? null : textEntry(text, to.mode);
}
