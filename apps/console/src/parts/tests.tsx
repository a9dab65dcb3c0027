import type { TestsView } from '@millwright/api';
import type { AnyState } from '../words/state.ts';
import { Output } from './output.tsx';
import { Status, Tag } from './status.tsx';

const STATES: Record<string, AnyState> = { passed: 'done', failed: 'failed', invalid: 'failed' };

/** What the factory says of a tree's tests, and what failed, grouped by what it said. */
export function Tests({ tests: { of, current, report } }: { tests: TestsView }) {
  const { names } = report;
  return (
    <article className="card">
      <p>
        <Status state={STATES[report.verdict] ?? 'waiting'} word={report.verdict.replaceAll('_', ' ')} />{' '}
        <Tag>{of === 'release' ? 'as it ships' : 'its sources'}</Tag>{' '}
        {current ? null : <Tag tone="wait">of an earlier change</Tag>}
      </p>
      <p className="said">{report.reason}</p>
      <p className="quiet">
        {report.runner}, followed {report.followed.replaceAll('_', ' ')}; {names.reported} tests of{' '}
        {names.base} on the base
        {names.missing.length > 0 ? `; ${names.missing.length} missing` : ''}
        {names.failing.length > 0 ? `; ${names.failing.length} failing` : ''}
        {names.failingOnBase.length > 0 ? `; ${names.failingOnBase.length} failing as on the base` : ''}
      </p>
      {report.failures.map(({ cause, tests, count }) => (
        <details key={cause}>
          <summary>
            {count} × {tests[0]}
          </summary>
          <Output text={cause} />
        </details>
      ))}
    </article>
  );
}
