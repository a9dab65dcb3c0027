import { flushCompileCache, registerHooks } from 'node:module';
import { delimiter } from 'node:path';

// Preloaded into every process that `up` starts. The channel to `up` closes when `up` is gone, however it ended (kill -9 too); a factory without its supervisor
// would keep the port and the claims of the next one, so it ends itself: asked first, killed when it does not listen.
const END_MS = 8_000;

process.on('disconnect', () => {
  process.kill(process.pid, 'SIGTERM');
  setTimeout(() => process.kill(process.pid, 'SIGKILL'), END_MS).unref();
});

// What dockerode loads for builds by BuildKit (gRPC) and for engines over SSH, none of which is the factory's: 14 MB of a process and 120 ms of
// its start (measured on Node 24.21, dockerode 5.0.1). It looks at none of it before it is used, which then fails.
const UNUSED = new Set(['@grpc/grpc-js', '@grpc/proto-loader', 'ssh2']);
registerHooks({
  resolve: (specifier, context, next) =>
    UNUSED.has(specifier) ? { url: 'node:util', shortCircuit: true } : next(specifier, context),
});

// Started before all of its environment is known (child.ts): modules are loaded meanwhile, and the entry point runs when the rest has come.
const { MILLWRIGHT_LOADS: loads } = process.env;
if (loads !== undefined) {
  delete process.env.MILLWRIGHT_LOADS;
  const told = new Promise<{ env: Record<string, string> }>((resolve) =>
    process.once('message', (message) => resolve(message as { env: Record<string, string> })),
  );
  for (const file of loads.split(delimiter).filter((one) => one !== '')) await import(file);
  Object.assign(process.env, (await told).env);
}
process.channel?.unref();

// Stripped types are cached on disk only when a process ends well or is told to. A process that finds them there does without the stripper: 18 MB less resident,
// and half the time to start (measured on Node 24.21).
setTimeout(flushCompileCache, 3_000).unref();
