export type { Forge, Issue, Proposal, Trigger } from './forge.ts';
export { isFromGitHub } from './github/delivery.ts';
export { openGitHub } from './github/github.ts';
