import type {
  AttestationsVerdict,
  BundleVerdict,
  Completeness,
  EvidenceVerdict,
  Integrity,
  RangeVerdict,
  TrailVerdict,
} from '@millwright/audit/proof';
import type { Look } from '../text/look.ts';
import { oneLine } from '../text/plain.ts';

// Two verdicts, each in a line, and what they rest on.

/** Said where a file is checked without --key. */
export const OWN_KEYS =
  'No --key: checked only against the keys in the file itself, which do not show who made it.';

function integrityLine({ colour, symbol }: Look, integrity: Integrity): string {
  if (integrity.kind === 'ok') return `${colour.green(symbol.done)} integrity: nothing was changed`;
  const failed = colour.red(symbol.failed);
  if (integrity.kind !== 'tampered')
    return `${failed} integrity: ${integrity.kind} — ${oneLine(integrity.reason)}`;
  const { position, through } = integrity;
  const where =
    position === through
      ? `at position ${position}`
      : `from position ${position} on, ${through} at the latest`;
  return `${failed} integrity: tampered ${where} — ${oneLine(integrity.reason)}`;
}

function completenessLine({ colour, symbol }: Look, completeness: Completeness): string[] {
  switch (completeness.kind) {
    case 'complete':
      return [
        `${colour.green(symbol.done)} completeness: every stream reaches the version that the closing entry lists`,
      ];
    case 'open':
      return [`${colour.yellow(symbol.waiting)} completeness: open — the run has no closing entry yet`];
    case 'incomplete':
      return [
        `${colour.red(symbol.failed)} completeness: incomplete after position ${completeness.after} — ${oneLine(completeness.reason)}`,
      ];
    case 'unknown':
      return [];
  }
}

const witnesses = (look: Look, cosigned: readonly { name: string; at: number }[]): string[] =>
  cosigned.map(({ name, at }) =>
    look.colour.dim(`  cosigned by ${oneLine(name)} at ${new Date(at * 1_000).toISOString()}`),
  );

const entriesOf = (count: number): string => `${count} ${count === 1 ? 'entry' : 'entries'}`;

const few = (positions: readonly number[]): string =>
  positions.slice(0, 10).join(', ') + (positions.length > 10 ? ', …' : '');

export function bundleLines(look: Look, verdict: BundleVerdict): string[] {
  const { checkpoint, redacted } = verdict;
  return [
    integrityLine(look, verdict.integrity),
    ...completenessLine(look, verdict.completeness),
    ...(checkpoint === null
      ? []
      : [
          look.colour.dim(
            `  ${entriesOf(verdict.entries)} under the checkpoint of ${oneLine(checkpoint.origin)} at ${checkpoint.size}`,
          ),
        ]),
    ...(redacted.length === 0 ? [] : [look.colour.dim(`  payloads redacted at ${few(redacted)}`)]),
    ...witnesses(look, verdict.cosignedBy),
  ];
}

export function trailLines(look: Look, verdict: TrailVerdict): string[] {
  const { entries, sealed, anchored, redacted } = verdict;
  return [
    integrityLine(look, verdict.integrity),
    look.colour.dim(
      `  ${entriesOf(entries)} read, ${sealed} under a checkpoint that holds${anchored > 0 ? `, ${anchored} under one that you or a witness kept` : ''}`,
    ),
    ...(redacted.count === 0
      ? []
      : [look.colour.dim(`  ${redacted.count} payloads redacted: ${few(redacted.first)}`)]),
    ...witnesses(look, verdict.witnessed),
  ];
}

function runsLine(look: Look, { completeness, runs }: RangeVerdict): string[] {
  const { colour, symbol } = look;
  const { closed, open, earlier } = runs;
  const before = earlier === 0 ? '' : `; ${earlier} began before it, and are not judged`;
  const said = `${closed} closed ${closed === 1 ? 'run' : 'runs'} in the range`;
  if (completeness.kind === 'complete')
    return [`${colour.green(symbol.done)} completeness: ${said}, each with all that it lists${before}`];
  if (completeness.kind === 'open')
    return [
      `${colour.yellow(symbol.waiting)} completeness: open — ${said}, each with all that it lists; ${open} without a closing entry yet${before}`,
    ];
  return completenessLine(look, completeness);
}

export function rangeLines(look: Look, verdict: RangeVerdict): string[] {
  const { checkpoint, redacted, since, until, entries } = verdict;
  return [
    integrityLine(look, verdict.integrity),
    ...runsLine(look, verdict),
    ...(checkpoint === null
      ? []
      : [
          look.colour.dim(
            `  ${entriesOf(entries)}, of ${since + 1} to ${until}, under the checkpoint of ${oneLine(checkpoint.origin)} at ${checkpoint.size}`,
          ),
        ]),
    ...(redacted.count === 0
      ? []
      : [look.colour.dim(`  ${redacted.count} payloads redacted: ${few(redacted.first)}`)]),
    ...witnesses(look, verdict.cosignedBy),
  ];
}

export function attestationLines({ colour, symbol }: Look, verdict: AttestationsVerdict): string[] {
  if (verdict.kind !== 'ok') {
    const where = verdict.kind === 'bad' ? `${verdict.code} at position ${verdict.position}` : verdict.kind;
    return [`${colour.red(symbol.failed)} attestations: ${where} — ${oneLine(verdict.reason)}`];
  }
  const { attestations, ignored } = verdict;
  const count = attestations.length;
  return [
    `${colour.green(symbol.done)} attestations: ${count} signed statement${count === 1 ? '' : 's'}, each as its entry names it`,
    ...attestations.map(({ of, position, predicateType }) =>
      colour.dim(`  of the ${of}, entry ${position}: ${oneLine(predicateType)}`),
    ),
    ...(ignored === 0 ? [] : [colour.dim(`  ${ignored} other lines, of which nothing is said`)]),
  ];
}

export function evidenceLines(
  look: Look,
  { integrity, lines, range, checkpoint }: EvidenceVerdict,
): string[] {
  const { colour, symbol } = look;
  const told =
    lines.kind === 'ok'
      ? [
          `${colour.green(symbol.done)} evidence: each of ${lines.count} lines is what the entries say, and none is missing`,
        ]
      : lines.kind === 'wrong'
        ? [`${colour.red(symbol.failed)} evidence: ${oneLine(lines.reason)}`]
        : [];
  const under =
    checkpoint === null || range === null
      ? []
      : [
          colour.dim(
            `  entries ${range.since + 1} to ${range.through}, under the checkpoint of ${oneLine(checkpoint.origin)} at ${checkpoint.size}`,
          ),
        ];
  return [integrityLine(look, integrity), ...told, ...under];
}
