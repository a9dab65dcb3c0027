import type { DiffView, ReviewView } from '@millwright/api';
import { type ReactNode, useMemo, useState } from 'react';
import { Diff, getChangeKey, Hunk, type HunkData, parseDiff } from 'react-diff-view';
import { Tag } from './status.tsx';

type File = DiffView['files'][number];
type Finding = ReviewView['findings'][number];

/** Lines of a file that are laid out before somebody asks for the rest. */
const AT_ONCE = 400;

const TONES = { blocker: 'bad', major: 'wait', minor: 'quiet' } as const;

function FindingNote({ severity, message }: Finding) {
  return (
    <div className="finding">
      <Tag tone={TONES[severity]}>{severity}</Tag> <span className="said">{message}</span>
    </div>
  );
}

/** Findings at the lines that they name; those at lines that the change does not show come back. */
function widgetsOf(
  hunks: readonly HunkData[],
  findings: readonly Finding[],
): [Record<string, ReactNode>, Finding[]] {
  const at = new Map<number, string>();
  for (const { changes } of hunks)
    for (const change of changes) {
      if (change.type === 'insert') at.set(change.lineNumber, getChangeKey(change));
      else if (change.type === 'normal') at.set(change.newLineNumber, getChangeKey(change));
    }
  const lines = new Map<string, Finding[]>();
  const rest: Finding[] = [];
  for (const finding of findings) {
    const key = finding.line === undefined ? undefined : at.get(finding.line);
    if (key === undefined) rest.push(finding);
    else lines.set(key, [...(lines.get(key) ?? []), finding]);
  }
  const widgets = [...lines].map(([key, found]) => [
    key,
    <div key={key}>
      {found.map((one) => (
        <FindingNote key={one.message} {...one} />
      ))}
    </div>,
  ]);
  return [Object.fromEntries(widgets), rest];
}

/** The first hunks with this many lines in sum. */
function firstOf(hunks: readonly HunkData[], lines: number): HunkData[] {
  let left = lines;
  const first: HunkData[] = [];
  for (const hunk of hunks) {
    if (left <= 0) break;
    first.push(hunk.changes.length <= left ? hunk : { ...hunk, changes: hunk.changes.slice(0, left) });
    left -= hunk.changes.length;
  }
  return first;
}

function FileDiff({ file, findings }: { file: File; findings: readonly Finding[] }) {
  const [all, setAll] = useState(false);
  const parsed = useMemo(() => (file.patch === '' ? undefined : parseDiff(file.patch)[0]), [file.patch]);
  const whole = parsed?.hunks ?? [];
  const lines = whole.reduce((n, { changes }) => n + changes.length, 0);
  const hunks = useMemo(() => (all ? whole : firstOf(whole, AT_ONCE)), [whole, all]);
  const [widgets, rest] = useMemo(() => widgetsOf(whole, findings), [whole, findings]);
  return (
    <details className="file" open={file.why.length > 0 || file.added + file.removed < 1_000}>
      <summary>
        <span className="path">{file.path}</span>
        <span className="figure">
          {file.status === 'modified' ? '' : `${file.status.replace('_', ' ')} `}
          <ins>+{file.added}</ins> <del>−{file.removed}</del>
        </span>
      </summary>
      {file.why.map((why) => (
        <p key={why} className="why">
          <Tag tone="wait">look first</Tag> {why}
        </p>
      ))}
      {rest.map((one) => (
        <FindingNote key={one.message} {...one} />
      ))}
      {parsed === undefined || whole.length === 0 ? (
        <p className="quiet">
          {file.cut
            ? 'Too long to be shown here.'
            : 'Nothing to show line by line: binary, or only its mode or name.'}
        </p>
      ) : (
        <div className="lines">
          <Diff viewType="unified" diffType={parsed.type} hunks={hunks} widgets={widgets}>
            {(shown) => shown.map((hunk) => <Hunk key={hunk.content} hunk={hunk} />)}
          </Diff>
        </div>
      )}
      {lines > AT_ONCE && !all ? (
        <button type="button" className="button" onClick={() => setAll(true)}>
          Show all {lines.toLocaleString('en-US')} lines
        </button>
      ) : null}
      {file.cut && whole.length > 0 ? (
        <p className="quiet">The rest of this file is too long to be shown here.</p>
      ) : null}
    </details>
  );
}

/** A change, its files in the order in which they should be read, with what reviews found at the lines that they name. */
export function ChangeDiff({ diff, reviews }: { diff: DiffView; reviews: readonly ReviewView[] }) {
  const findings = reviews.filter(({ current }) => current).flatMap((one) => one.findings);
  const paths = new Set(diff.files.map(({ path }) => path));
  const elsewhere = findings.filter(({ path }) => !paths.has(path));
  return (
    <div className="diff-files">
      <p>
        <Tag tone={diff.risk === 'trivial' || diff.risk === 'low' ? 'quiet' : 'wait'}>{diff.risk} risk</Tag>{' '}
        {diff.of}; {diff.reasons.join('; ')}
      </p>
      {elsewhere.map((one) => (
        <div key={one.path + one.message}>
          <code>{one.path}</code> <FindingNote {...one} />
        </div>
      ))}
      {diff.files.map((file) => (
        <FileDiff key={file.path} file={file} findings={findings.filter(({ path }) => path === file.path)} />
      ))}
    </div>
  );
}
