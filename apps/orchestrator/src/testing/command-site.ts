import { createHash } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Release, SpecOf } from '@millwright/domain';
import { report } from './scripted-runner.ts';

/**
 * A site that a repository's own commands deploy to: a folder. Its `current` says who serves; a file `sick-<release>` makes one unhealthy, `failing`
 * fail every other request.
 */
export function commandSite() {
  const folder = mkdtempSync(join(tmpdir(), 'millwright-site-'));
  mkdirSync(join(folder, 'r'));
  const script = join(folder, 'site.sh');
  writeFileSync(script, SCRIPT);
  // The commands run as another user where the factory is root.
  for (const path of [folder, join(folder, 'r')]) chmodSync(path, 0o777);
  const read = (name: string) =>
    existsSync(join(folder, name)) ? readFileSync(join(folder, name), 'utf8') : '';
  const argv = (verb: string) => `[sh, ${script}, ${verb}]`;
  const commands = (...verbs: string[]) => verbs.map((verb) => `    ${verb}: ${argv(verb)}\n`).join('');
  return {
    folder,
    read,
    write: (name: string, text: string) => writeFileSync(join(folder, name), text),
    remove: (name: string) => rmSync(join(folder, name), { force: true }),
    /** A `millwright.yaml` that deploys there. `deploy` is more of its section, indented by two. */
    yaml: (deploy = '', verbs = ['deploy', 'activate', 'status', 'rollback', 'stop']) =>
      `deploy:\n  target: command\n  commands:\n${commands(...verbs)}${deploy}`,
    close: () => rmSync(folder, { recursive: true, force: true }),
  };
}

const SCRIPT = `cd "$(dirname "$0")" || exit 1
umask 0
case $1 in
  deploy) cat >/dev/null; touch "r/$MILLWRIGHT_RELEASE"; env | cut -d= -f1 | sort | tr '\\n' ' ' >names ;;
  activate | rollback)
    [ -e "r/$MILLWRIGHT_RELEASE" ] || exit 3
    echo "$1 $MILLWRIGHT_RELEASE" >>acts
    printf %s "$MILLWRIGHT_RELEASE" >current ;;
  stop) rm -f "r/$MILLWRIGHT_RELEASE" ;;
  status)
    serving=$(cat current 2>/dev/null)
    [ -z "$serving" ] && serving=null || serving="\\"$serving\\""
    list=
    for path in r/rel_*; do
      [ -e "$path" ] || continue
      id=\${path#r/}
      [ -e "sick-$id" ] && healthy=false || healthy=true
      # Fifty requests a second, by the clock.
      n=$(($(date +%s) % 100000 * 50))
      [ -e failing ] && figures=",\\"requests\\":$n,\\"errors\\":$((n / 2))"
      list="$list\${list:+,}{\\"id\\":\\"$id\\",\\"running\\":true,\\"healthy\\":$healthy$figures}"
    done
    echo "{\\"serving\\":$serving,\\"releases\\":[$list]}" ;;
esac
`;

/** Bytes that stand for a built release; to be put into the factory's artifacts. */
export const LAYER = new TextEncoder().encode('a layer of the tests');
const LAYER_DIGEST = `sha256:${createHash('sha256').update(LAYER).digest('hex')}`;

/** What a runner hands back for the deploy role. */
export const releaseOf = (spec: SpecOf<'deploy'>): Release => ({
  id: spec.release,
  commit: spec.commit,
  tree: spec.tree,
  layer: LAYER_DIGEST as Release['layer'],
  image: 'sha256:none',
  test: { ...report(spec.tree, 'passed'), tree: spec.tree },
  notes: '',
  watch: [],
});
