export { quote } from './javascript/command.ts';
export { javascript } from './javascript/javascript.ts';
export type {
  Canary,
  CanaryKind,
  HarnessFiles,
  HarnessMode,
  Installing,
  InstallPlan,
  LookedSetup,
  Mutant,
  Registry,
  TestCommand,
  Toolchain,
  TreeFiles,
} from './toolchain.ts';
