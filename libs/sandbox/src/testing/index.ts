export { bundleOf, nth, type TestFile } from './bundle.ts';
export { testSandboxes } from './factory.ts';
export { within, withSandbox } from './sandbox.ts';
