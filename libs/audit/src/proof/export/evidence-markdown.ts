import { Buffer } from '#platform';
import { leafHash } from '../log/entry.ts';
import { type EvidencePack, SECTIONS, type Section } from './evidence.ts';

/** What would end a cell or be read as markup, and line breaks. */
const cell = (text: string): string => text.replaceAll(/[\\|`*_<>[\]]/g, '\\$&').replaceAll(/\s+/g, ' ');

/**
 * The pack for people, in Markdown: a table a section, each line with the position of its entry and the hash of that leaf of the tree, by which
 * its proof is found in the JSON. `check`: the command that checks it.
 */
export function evidenceMarkdown(pack: EvidencePack, file: string, check: string): string {
  const leaves = new Map(
    pack.bundle.entries.map(({ envelope }) => [
      envelope.position,
      Buffer.from(leafHash(envelope)).toString('hex'),
    ]),
  );
  const named = (text: string) =>
    Object.entries(pack.names).reduce((told, [id, name]) => told.replaceAll(id, `${name} (${id})`), text);
  const section = (name: Section): string[] => {
    const { title, criteria } = SECTIONS[name];
    const lines = pack.evidence[name];
    return [
      `## ${title} (${criteria.join(', ')})`,
      '',
      ...(lines.length === 0
        ? ['Nothing in this period.']
        : [
            '| position | at (UTC) | by | what | look | rests on | leaf |',
            '| ---: | --- | --- | --- | --- | --- | --- |',
            ...lines.map(
              ({ position, at, actor, text, ok, support }) =>
                `| ${position} | ${new Date(at).toISOString()} | ${cell(named(actor))} | ${cell(named(text))} | ${ok ? '' : '**yes**'} | ${support.join(', ')} | \`${leaves.get(position) ?? ''}\` |`,
            ),
          ]),
      '',
    ];
  };
  return [
    `# Evidence for ${pack.framework === 'soc2' ? 'SOC 2' : pack.framework}: entries ${pack.since + 1} to ${pack.through}`,
    '',
    `Every line stands on the entry at its position and on those it rests on. They and their inclusion proofs are in \`${file}\`, under this checkpoint:`,
    '',
    '```',
    pack.bundle.checkpoint.trimEnd(),
    '```',
    '',
    `Check it with nothing but the verifier key: \`${check}\`. That recomputes every line from the entries. People's names are as the factory has them now; the trail holds their ids.`,
    '',
    ...(Object.keys(SECTIONS) as Section[]).flatMap(section),
  ].join('\n');
}
