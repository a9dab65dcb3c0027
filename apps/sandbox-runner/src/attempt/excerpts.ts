import { type Excerpt, maskSecrets, type Plan } from '@millwright/domain';
import { type Checkout, readCheckout } from '@millwright/sandbox';

const MAX_FILE = 4 * 1024 * 1024;
/** Characters of one excerpt, and of all of a plan: three thousand tokens. */
const MAX_EACH = 4_000;
const MAX_ALL = 12_000;

export const excerptsOf = (plan: Plan): readonly Excerpt[] =>
  plan.kind === 'tasks' ? (plan.excerpts ?? []) : [];

/** The plan with the lines that its planner names, as the tree has them; what is not there, or too much, is said in their place. */
export async function withExcerpts(plan: Plan, tree: Checkout): Promise<Plan> {
  if (plan.kind !== 'tasks' || plan.excerpts === undefined) return plan;
  const excerpts: Excerpt[] = [];
  let left = MAX_ALL;
  for (const { path, from, to } of plan.excerpts) {
    const bytes = await readCheckout(tree, path, MAX_FILE);
    const lines =
      bytes === null
        ? []
        : new TextDecoder()
            .decode(bytes)
            .split('\n')
            .slice(from - 1, to);
    const text = maskSecrets(lines.join('\n'));
    const room = Math.min(MAX_EACH, left);
    left -= Math.min(room, text.length);
    excerpts.push({ path, from, to, text: text.trim() === '' ? '(nothing there)' : within(text, room) });
  }
  return { ...plan, excerpts };
}

/** Whole lines. */
function within(text: string, room: number): string {
  if (text.length <= room) return text;
  const end = text.lastIndexOf('\n', room);
  return `${text.slice(0, Math.max(0, end))}\n(the rest is left out)`.trim();
}
