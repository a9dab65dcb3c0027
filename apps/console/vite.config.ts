import { defineConfig } from 'vite';

// Static files that the orchestrator serves at `/`. Nothing is put inline: its policy lets no page run or style what is not a file of its own.
export default defineConfig({
  build: {
    outDir: '.built',
    emptyOutDir: true,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rolldownOptions: {
      // As it is written, in whatever file it ends up: no-eval.ts comes before every schema.
      output: { strictExecutionOrder: true },
      onwarn: (warning, warn) => {
        // "use client" says something to servers that render; there is none.
        if (warning.code !== 'MODULE_LEVEL_DIRECTIVE') warn(warning);
      },
      // Schemas are made where their module is loaded. What the API's do not use of the domain's is left out, module by module.
      treeshake: { moduleSideEffects: [{ test: /\/libs\/domain\/src\//, sideEffects: false }] },
    },
  },
  // While it is worked on: `vite apps/console`, beside a factory.
  server: { proxy: { '/v1': process.env.MILLWRIGHT_URL ?? 'http://127.0.0.1:4600' } },
});
