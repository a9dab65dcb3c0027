import type { Command } from 'commander';
import { does, leaf, noun } from './parts.ts';

/** The trail, and those who watch over it. */
export function trailCommands(root: Command): void {
  const trail = noun(root, 'trail', 'every decision and effect, in order');
  does(
    leaf(trail, 'show', 'an account of the trail: who did what, on which bytes, allowed by which policy')
      .option('--run <id>', 'only of this run, its attempts included')
      .option('--repo <name>', 'only what concerns this repository')
      .option('--actor <list>', 'people by name or id, factory, agent, agent/<role>, runner; commas between')
      .option(
        '--type <list>',
        'types of entries, such as gate.decided, or gate for all of them; commas between',
      )
      .option('--from <time>', 'from this time on: 2026-11-21, 2026-11-21T14:30, or 2h for two hours ago')
      .option('--to <time>', 'before this time')
      .option('--since <position>', 'only after this position')
      .option('--before <position>', 'only before this position')
      .option('--last <n>', 'the last so many, instead of the first')
      .option('--limit <n>', 'at most this many', '200'),
    async () => (await import('../commands/trail.ts')).show,
  );
  does(
    leaf(trail, 'verify', 'was anything changed, and is anything missing? exit code 7 when so')
      .option('--bundle <file>', 'a bundle made with `trail export` or `trail prove`; needs no factory')
      .option('--evidence <file>', 'an evidence pack made with `trail export --evidence`; needs no factory')
      .option(
        '--database [url]',
        'this database (else DATABASE_URL) as it lies there, its stored tree too; needs no factory, and --key',
      )
      .option(
        '--attestations <file>',
        'the signed in-toto statements of the bundle (else those in FILE.intoto.jsonl)',
      )
      .option('--key <vkey>', 'trusted verifier keys: of the factory, and of witnesses; commas between')
      .option(
        '--earlier <file>',
        'checkpoints kept from before, or from a witness: the trail must go on from them',
      ),
    async () => (await import('../commands/trail-proof.ts')).verify,
  );
  does(
    leaf(trail, 'export', 'everything about a run, or every entry of a range, with what proves it')
      .option('--run <id>', 'a bundle of this run, and (with -o) its signed provenance beside it')
      .option('--since <position>', 'every entry after this position, a line each; 0: the whole trail')
      .option('--until <position>', 'up to this one (else up to the latest checkpoint)')
      .option('--evidence <framework>', 'soc2: an evidence pack since a position or a time, and as Markdown')
      .option('-o, --output <file>', 'into this file (else stdout)'),
    async () => (await import('../commands/trail-proof.ts')).exportFile,
  );
  does(
    leaf(trail, 'prove <position>', 'a proof of one entry, provable with nothing but the key').option(
      '-o, --output <file>',
      'into this file (else stdout)',
    ),
    async () => (await import('../commands/trail-proof.ts')).prove,
  );
  does(
    leaf(
      trail,
      'redact <position>',
      'erase the free text of an entry for good; recorded, and proofs still hold',
    ).requiredOption('--reason <text>', 'why, for the trail'),
    async () => (await import('../commands/trail-proof.ts')).redact,
  );
  does(
    leaf(trail, 'checkpoint', 'the latest signed checkpoint: keep it, and verify against it later'),
    async () => (await import('../commands/trail-proof.ts')).checkpoint,
  );
  const key = leaf(
    trail,
    'key',
    'the verifier key of the checkpoints: keep it where the factory cannot write',
  )
    .option('--pem', 'the public key in PEM, for openssl and others')
    .helpCommand(false);
  does(key, async () => (await import('../commands/trail-proof.ts')).key);
  does(
    leaf(key, 'rotate', 'a new key, which the old one vouches for on the trail'),
    async () => (await import('../commands/trail-proof.ts')).rotate,
  );
  const witness = leaf(root, 'witness', 'watch a factory as an independent witness; stays in the foreground')
    .option('--factory <url>', 'the factory to watch (else as --url)')
    .option('--port <n>', 'serve the last cosigned checkpoint here, on loopback; 0 takes a free one', '0')
    .option('--key <vkey>', "the factory's verifier key (else the one it gives at the first start)")
    .option('--name <name>', "this witness's name, a schema-less URL, at its first start");
  witness.action(async () => {
    const { witness: start } = await import('../commands/witness.ts');
    await start(witness.optsWithGlobals());
  });
}
