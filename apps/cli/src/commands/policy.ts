import type { Replay } from '@millwright/api';
import type { RepoName, RoleScope } from '@millwright/domain';
import { checkLayer, loadPolicy, readCases, runCase } from '@millwright/policy';
import { type Context, show } from '../context.ts';
import { usage } from '../fail.ts';
import { exitWith } from '../finish.ts';
import { parseInstant } from '../text/parse.ts';
import { paragraphs } from '../text/plain.ts';
import {
  checkedLines,
  explanationLines,
  type Place,
  policyLines,
  replayLines,
  testedLines,
} from '../views/policy.ts';
import { type PolicyText, policyFiles } from './policy-files.ts';
import { unitOf } from './unit.ts';

type Options = Record<string, string | boolean | undefined>;

export async function showLayers(context: Context, _: string[], options: Options): Promise<void> {
  const { raw, value } = await context.client.call('showPolicy', { params: { repo: String(options.repo) } });
  if (options.text === undefined)
    return show(context, raw, () => policyLines(context.look, value, context.now()));
  const layer = value.layers.find((one) => one.layer === options.text);
  if (layer === undefined)
    throw usage(
      `there is no layer ${String(options.text)}`,
      `give --text with one of: ${value.layers.map((one) => one.layer).join(', ')}`,
    );
  // As it is, to be written into a file.
  show(context, layer, () => (layer.text === null ? [] : [paragraphs(layer.text)]));
}

export async function explain(context: Context, [id = '']: string[]): Promise<void> {
  const { raw, value } = await context.client.call('explainGate', { params: { id } });
  show(context, raw, () => explanationLines(context.look, value, context.now()));
}

/** Whose policy a text is to be. */
function scopeOf({ unit, repo }: Options): RoleScope {
  if (unit !== undefined && repo !== undefined) throw usage('give --unit or --repo, not both');
  if (unit !== undefined) return { kind: 'unit', unit: unitOf(unit) };
  return repo === undefined ? { kind: 'factory' } : { kind: 'repo', repo: repo as RepoName };
}

/** Exit code 1 where a decision would be another one. */
export async function replay(context: Context, _: string[], options: Options): Promise<void> {
  const since = parseInstant(String(options.since), '--since', context.now());
  const policy = options.with === 'none' ? null : policyFiles(String(options.with)).policies.text;
  const asked = { scope: scopeOf(options), policy, since, limit: 200 };
  const all: Replay = { judged: 0, untold: 0, flips: [], next: null };
  for (let before: number | null | undefined; before !== null; ) {
    const { value } = await context.client.call('replayPolicy', {
      body: before === undefined ? asked : { ...asked, before },
    });
    all.judged += value.judged;
    all.untold += value.untold;
    all.flips.push(...value.flips);
    before = value.next;
  }
  show(context, all, () => replayLines(context.look, all, context.now()));
  if (all.flips.length > 0) exitWith(1);
}

// What needs no factory: a policy is checked and tried where it is written.

const inFile = <T extends { line: number; column: number }>(policies: PolicyText, one: T): T & Place => ({
  ...one,
  ...policies.fileOf(one.line),
});

/** Exit code 1 where something is wrong; what is only worth a look is told, and taken. */
export async function check(context: Context, [path = '']: string[]): Promise<void> {
  const { policies, cases } = policyFiles(path);
  const checked = checkLayer(policies.text, 'repository');
  const findings = [
    ...checked.findings.map((one) => inFile(policies, one)),
    ...cases.flatMap(({ file, text }) =>
      readCases(text).problems.map((one) => ({ ...one, file, level: 'error' as const })),
    ),
  ];
  const said = { ok: !findings.some(({ level }) => level === 'error'), ...checked, findings };
  show(context, said, () => checkedLines(context.look, said));
  if (!said.ok) exitWith(1);
}

/** Exit code 1 where a case fails, or there is none, or a file is not read. */
export async function test(context: Context, [path = '']: string[]): Promise<void> {
  const { policies, cases } = policyFiles(path);
  const { findings } = checkLayer(policies.text, 'repository');
  const read = cases.map(({ file, text }) => ({ file, ...readCases(text) }));
  const problems = [
    ...findings.filter(({ level }) => level === 'error').map((one) => inFile(policies, one)),
    ...read.flatMap(({ file, problems: some }) => some.map((one) => ({ ...one, file }))),
  ];
  const loaded = loadPolicy({ repository: policies.text });
  const outcomes =
    problems.length > 0 || loaded.kind === 'refused'
      ? []
      : read.flatMap(({ file, cases: some }) =>
          some.map((one) => ({ file, ...runCase(loaded.policy, one) })),
        );
  const decided = new Set(outcomes.flatMap(({ got }) => got.policies));
  const own =
    loaded.kind === 'refused' ? [] : [...loaded.policy.statements.keys()].filter((id) => id.includes('/'));
  const said = {
    ok: problems.length === 0 && outcomes.length > 0 && outcomes.every(({ passed }) => passed),
    problems,
    outcomes,
    /** Policies of the folder that decided none of its cases. */
    untried: own.filter((id) => !decided.has(id)),
  };
  show(context, said, () => testedLines(context.look, said, own.length));
  if (!said.ok) exitWith(1);
}
