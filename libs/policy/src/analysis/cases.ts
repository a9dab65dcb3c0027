import type { CedarValueJson } from '@cedar-policy/cedar-wasm/nodejs';
import { GateAction, nearestName } from '@millwright/domain';
import { isMap, isScalar, isSeq, LineCounter, type Node, parseDocument } from 'yaml';
import type { Context } from '../context.ts';
import type { PreparedPolicy } from '../engine.ts';
import { weigh } from '../evaluate.ts';
import type { Problem } from '../read.ts';
import { type FactPath, factAt, withFact } from './fact-paths.ts';
import { ORDINARY } from './ordinary.ts';

// Cases beside a policy: facts that differ from those of an ordinary day, and what is to be decided on them.

const EXPECTATIONS = ['allow', 'deny', 'one person', 'two people'] as const;
type Expectation = (typeof EXPECTATIONS)[number];

export type Case = {
  name: string;
  action: GateAction;
  repository: string;
  /** What differs from an ordinary day, by the names that policies read. */
  facts: [FactPath, CedarValueJson][];
  expect: Expectation;
  /** Policies that have to be among those that decided it. */
  because: string[];
  line: number;
};

export type Outcome = {
  case: Case;
  passed: boolean;
  /** What was decided; `error` where the policy could not be evaluated, which a gate takes for a deny. */
  got: { decision: Expectation; policies: string[]; error: string | null };
};

/** A file of cases, at most: characters, and cases. */
const MAX_CHARACTERS = 262_144;
const MAX_CASES = 1_000;
const KEYS = ['name', 'action', 'repository', 'facts', 'expect', 'because'];

/** The cases of a YAML text, or everything that is wrong with it. */
export function readCases(text: string): { cases: Case[]; problems: Problem[] } {
  const counter = new LineCounter();
  const problems: Problem[] = [];
  const said = (offset: number, what: string) => {
    const { line, col } = counter.linePos(offset);
    problems.push({ line: Math.max(1, line), column: Math.max(1, col), policy: null, text: what });
  };
  if (text.length > MAX_CHARACTERS) {
    said(0, `longer than ${MAX_CHARACTERS} characters`);
    return { cases: [], problems };
  }
  const document = parseDocument(text, { lineCounter: counter, prettyErrors: false });
  for (const error of document.errors) said(error.pos[0], error.message);
  if (problems.length > 0) return { cases: [], problems };
  const list: unknown = document.contents;
  if (!isSeq(list)) {
    said(0, 'this is no list of cases: each begins with "- name:"');
    return { cases: [], problems };
  }
  if (list.items.length > MAX_CASES) said(0, `more than ${MAX_CASES} cases`);
  const cases = list.items.slice(0, MAX_CASES).flatMap((item) => readCase(item as Node, said, counter));
  return { cases: problems.length > 0 ? [] : cases, problems };
}

type Say = (offset: number, what: string) => void;
const startOf = (node: unknown): number => (node as Node | null)?.range?.[0] ?? 0;
const oneOf = (words: readonly string[]): string => `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`;

function readCase(item: Node, say: Say, counter: LineCounter): Case[] {
  const at = startOf(item);
  if (!isMap(item)) {
    say(at, 'a case has name, action and expect');
    return [];
  }
  for (const { key } of item.items) unknownKey(key, KEYS, 'a case', say);
  const text = (key: string): string | undefined => {
    const value = item.get(key);
    if (value !== undefined && typeof value !== 'string') say(startOf(item.get(key, true)), `${key} is text`);
    return typeof value === 'string' ? value : undefined;
  };
  const name = text('name');
  if (name === undefined) say(at, 'a case has a name');
  const action = GateAction.safeParse(text('action'));
  if (!action.success)
    say(startOf(item.get('action', true) ?? item), `action is ${oneOf(GateAction.options)}`);
  const expect = text('expect') as Expectation | undefined;
  if (expect === undefined || !EXPECTATIONS.includes(expect))
    say(startOf(item.get('expect', true) ?? item), `expect is ${oneOf(EXPECTATIONS)}`);
  const because = item.get('because', true);
  const named = isSeq(because) ? because.toJSON() : because === undefined ? [] : [item.get('because')];
  if (!(named as unknown[]).every((one) => typeof one === 'string'))
    say(startOf(because), 'because names policies');
  if (!action.success || expect === undefined || name === undefined) return [];
  const facts = readFacts(item.get('facts', true), ORDINARY[action.data], action.data, say);
  const repository = text('repository') ?? 'shop';
  const { line } = counter.linePos(at);
  return [{ name, action: action.data, repository, facts, expect, because: named as string[], line }];
}

function unknownKey(key: unknown, known: readonly string[], of: string, say: Say): string | null {
  const name = isScalar(key) ? String(key.value) : '';
  if (known.includes(name)) return name;
  const near = nearestName(name, known);
  say(startOf(key), `${of} has no "${name}"${near === null ? '' : `; did you mean ${near}?`}`);
  return null;
}

/** Facts as they are written, nested, checked against those that there are: by name, and by type. */
function readFacts(node: unknown, within: Context, action: GateAction, say: Say, prefix = ''): Case['facts'] {
  if (node === undefined || node === null) return [];
  if (!isMap(node)) {
    say(startOf(node), `${prefix === '' ? 'facts' : prefix} has names and values`);
    return [];
  }
  return node.items.flatMap(({ key, value }): Case['facts'] => {
    const name = unknownKey(key, Object.keys(within), prefix === '' ? action : prefix, say);
    if (name === null) return [];
    const like = factAt(within, name);
    const path = prefix === '' ? name : `${prefix}.${name}`;
    if (typeof like === 'object' && like !== null && !Array.isArray(like))
      return readFacts(value, like as Context, action, say, path);
    const given: unknown = isScalar(value) || isSeq(value) ? value.toJSON() : undefined;
    const wanted = kindOf(like);
    if (kindOf(given) !== wanted) {
      say(startOf(value ?? key), `${path} is ${wanted}`);
      return [];
    }
    return [[path, given as CedarValueJson]];
  });
}

function kindOf(value: unknown): string {
  if (typeof value === 'boolean') return 'true or false';
  if (typeof value === 'number') return Number.isSafeInteger(value) ? 'a whole number' : 'a number';
  if (typeof value === 'string') return 'text';
  if (Array.isArray(value) && value.every((one) => typeof one === 'string')) return 'a list of texts';
  return 'something else';
}

const asked = (one: Case): Context =>
  one.facts.reduce((context, [path, value]) => withFact(context, path, value), ORDINARY[one.action]);

/** What the policy says to a case. A layer's policies may be named without their layer. */
export function runCase(policy: PreparedPolicy, one: Case): Outcome {
  const got = decided(policy, one);
  const named = (name: string) => got.policies.some((id) => id === name || id.endsWith(`/${name}`));
  const passed = got.error === null && got.decision === one.expect && one.because.every(named);
  return { case: one, passed, got };
}

function decided(policy: PreparedPolicy, one: Case): Outcome['got'] {
  try {
    const { decision, approvals, policies } = weigh(policy, {
      ...{ action: one.action, repo: one.repository, context: asked(one) },
    });
    if (decision !== 'needs_approval') return { decision, policies, error: null };
    return { decision: approvals === 1 ? 'one person' : 'two people', policies, error: null };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return { decision: 'deny', policies: ['engine'], error: message };
  }
}
