export { quote } from './javascript/command.ts';
export { decideInstall, type Install, MANIFESTS } from './javascript/install.ts';
export { javascript } from './javascript/javascript.ts';
export { reducedNpmrc } from './javascript/npmrc.ts';
export type {
  Canary,
  CanaryKind,
  HarnessFiles,
  HarnessMode,
  Mutant,
  TestCommand,
  Toolchain,
  TreeFiles,
} from './toolchain.ts';
