import type { RepoConfig, TestDoubt } from '@millwright/domain';

// What the factory has to know of a language, behind one port. The verdict engine, prepare and policy know none: they run commands, read
// reports and compare trees. Everything here is pure, or reads files through what the caller gives.

/** A tree's files, as the host reads them: never a link, never a folder that was installed. */
export type TreeFiles = {
  paths: readonly string[];
  /** Null for what is not a plain file of the tree. */
  read(path: string): Promise<string | null>;
};

export type TestCommand =
  | { kind: 'none' }
  | {
      kind: 'command';
      /** What people read. */
      text: string;
      /** What a shell runs in the repository's root. */
      script: string;
      /** All that it is known to start. */
      starts: string;
      /** Its parts, each of which is run where the one before ended well; one where it is no chain. */
      steps: readonly string[];
      /** The script, of which each step but the last leaves `step-N` (from 1) in a folder of the container where it ends well. */
      following(folder: string): string;
    };

/** Canaries of one test file. `marks` are titles that the tree has never seen; a must-fail one fails with `proof` in its message. */
export type Canary = {
  file: string;
  runner: string;
  /**
   * `around`: before, between and after the file's own tests, with its assertions frozen. `loose`: the same with those unfrozen that the base's
   * plugins replace. `after`: behind them alone, with none frozen.
   */
  place: 'around' | 'loose' | 'after';
  marks: readonly { title: string; kind: CanaryKind }[];
  proof: string;
};
export type CanaryKind = 'pass' | 'throw' | 'reject' | 'assert';

/** A fault: the whole file with it. */
export type Mutant = { path: string; line: number; what: string; text: string };

/** What is put beside the workspace before its tests run. */
export type HarnessFiles = {
  /** `mode` in octal; every file lies in one folder of the container. */
  files: readonly { name: string; text: string; mode?: number }[];
  /** Run once in the workspace's root, before any code of the tree. It may print `runtime VERSION`. */
  install: string;
  /** A folder to put before PATH, or null. */
  path: string | null;
};

/**
 * `plain`: nothing of ours. `observe`: the runner's report. `canary`: besides, no step ends a command of several. `mutant`: observed up to the first
 * test that fails, where the runner can end there.
 */
export type HarnessMode = 'plain' | 'observe' | 'canary' | 'mutant' | 'acceptance';

/** How a tree's dependencies are installed. */
export type Install =
  | { kind: 'none' }
  | {
      kind: 'install';
      command: string;
      /** A program that the image must have, or null when the command is the repository's own. */
      tool: string | null;
      scripts: boolean;
      /** Whether the result can depend on more of the tree than what it is decided by; it is then kept by tree. */
      wholeTree: boolean;
      /** How it differs from what the tree asks for, in words. */
      compromise?: string;
    }
  | { kind: 'failed'; code: string; reason: string };
export type InstallPlan = Extract<Install, { kind: 'install' }>;

/** Where packages come from. `caFile`: the authorities that vouch for it, as a file of the machine or of the container. */
export type Registry = { url: URL; caFile: string | null };

/** What has to be known of a language to install what a tree depends on. */
export type Installing = {
  /** The file of a tree's root by which it is decided. */
  manifest: string;
  decide(
    config: Pick<RepoConfig, 'install' | 'installScripts' | 'services'>,
    paths: ReadonlySet<string>,
    manifest: string | null,
  ): Install;
  /** A path that an installation makes, and no tree should hold. */
  isInstalled(path: string): boolean;
  /** Whether an installation may come out differently by the content of such a path. */
  isInput(path: string): boolean;
  /** A file of the root that could have programs of the tree run where it may run none, and what is left of it then. */
  reduced: { path: string; text(own: string): string };
  /** What the container is told besides: `proxy` leads to the registry alone, `cache` is a folder. */
  environment(
    registry: Registry,
    of: { proxy: string; cache: string; scripts: boolean },
  ): Record<string, string>;
  /** Another way where this one failed, by what it printed; null where there is none. */
  otherwise(plan: InstallPlan, output: string): InstallPlan | null;
  /** What to run on this machine to learn its registry, and how to read the answer. */
  registry: {
    ask: readonly [program: string, ...args: string[]];
    /** `caFiles`: where its authorities may be, the likeliest first. Throws where no registry is named. */
    read(answer: string, env: Readonly<Record<string, string | undefined>>): { url: URL; caFiles: string[] };
  };
};

/** What of a repository says whether it can be installed and tested: the paths of its root, and the texts of `Setup.files` that are there. */
export type LookedSetup = {
  paths: ReadonlySet<string>;
  texts: ReadonlyMap<string, string>;
  config: RepoConfig;
  /** The version of what runs its code in the sandbox image, such as `24.21.0`. */
  runtime: string;
};
/** What cannot work as a repository stands, and what mends it. `blocks`: no run is started before. */
export type Trouble = { code: string; text: string; fix: string; blocks: boolean };
export type Setup = { files: readonly string[]; troubles(look: LookedSetup): Trouble[] };

/** What an agent is told of its workspace. */
export type Inventory = {
  /** Run by a shell in the workspace's root. */
  script: string;
  /** Versions of tools, and a line for each thing that is worth to know. */
  read(output: readonly string[]): { versions: string[]; lines: string[] };
};

/** What a test stage does that no test of the language does: the engine asks, the toolchain answers for its language. */
export type Toolchain = {
  name: string;
  installing: Installing;
  inventory: Inventory;
  setup: Setup;
  /** Where an installation puts the programs of a tree, below its root. */
  programs: string;
  /** The command as the base has it: the repository's file first. */
  testCommand(config: Pick<RepoConfig, 'test'>, base: TreeFiles): Promise<TestCommand>;
  /** Paths by whose content tests are found, started or configured: the base's always. */
  isConfiguration(path: string): boolean;
  /** Manifests, of which a part configures tests. */
  isManifest(path: string): boolean;
  /** Read by its name as an installer, a compiler or a runner of tests starts: a plain file, or nothing. */
  isReadByName(path: string): boolean;
  /** The candidate's with the base's configuration of tests; null: as it is. */
  mergeManifest(base: string, candidate: string): string | null;
  /** Of a manifest what says which file is found by which name, by key: as texts to compare. */
  entriesOf(manifest: string): ReadonlyMap<string, string>;
  /** A path that an installation makes, and no tree should hold. */
  isInstalled(path: string): boolean;
  /**
   * Files of the base that its command and configuration load by name. `restored`: they are no sources under test (scripts, set-up of
   * tests), so the candidate runs with the base's; a change of the others is a doubt.
   */
  loadedBy(
    command: Extract<TestCommand, { kind: 'command' }>,
    base: TreeFiles,
  ): Promise<{ path: string; restored: boolean }[]>;
  /** How a tree finds, starts and configures its tests: what counts of each path that has a say in it. */
  testSetup(
    command: Extract<TestCommand, { kind: 'command' }>,
    tree: TreeFiles,
  ): Promise<ReadonlyMap<string, string>>;
  isTest(path: string): boolean;
  /** A test, or what lies among tests: helpers, snapshots, fixtures. */
  isAmongTests(path: string): boolean;
  /**
   * Files of the base outside of the tests that may be theirs, by what names what: data that they name and no source does, helpers that nothing
   * else loads. A guess: sources load by computed names too.
   */
  ofTests(tests: readonly string[], base: TreeFiles): Promise<ReadonlySet<string>>;
  isSource(path: string): boolean;
  canCarry(path: string): boolean;
  makeCanary(of: { file: string; runner: string; place: Canary['place'] }, random: () => string): Canary;
  /** The file's text with its canaries. `root` is the workspace inside of the container. */
  carrying(text: string, canary: Canary, root: string): string;
  /** Whether a file of tests, or what sets them up, may replace what `around` freezes and `loose` does not. */
  hooksAssertions(text: string): boolean;
  /** A text that makes the file fail when it is loaded, with `proof` in what it prints: for runners whose names are unknown. */
  failing(text: string, proof: string): string;
  /** A program of an acceptance check that says its word as its last statement; null for a file that is none. `folder`: the harness's. */
  speaking(name: string, text: string, folder: string, commands: readonly string[]): string | null;
  /** Whether a check's command gives code that must say its word. */
  speaks(command: string): boolean;
  harness(of: { folder: string; root: string; mode: HarnessMode; command: string }): Promise<HarnessFiles>;
  /** Whether two texts of a source are the same code, whatever their comments say. */
  sameCode(path: string, before: string, after: string): boolean;
  /**
   * Whether what two sides add at one place of a source, behind `before`, means the same in whichever order it stands: each whole in itself, nothing but
   * declarations, no name in both. False where that cannot be told.
   */
  independent(path: string, before: string, ours: string, theirs: string): boolean;
  /** Faults in the lines that `after` has and `before` has not; where none fits, the file as it was. */
  mutants(path: string, before: string | null, after: string): Mutant[];
  /** Lines of `after`, new in it, that speak to who runs the code instead of doing what the code is for. */
  marks(path: string, before: string | null, after: string): TestDoubt[];
  /** What the tree asks of its runtime that `runtime` (a version) is not, in words; null where it fits or says nothing. */
  unfit(runtime: string, base: TreeFiles): Promise<string | null>;
};
