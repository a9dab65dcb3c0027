import { actingCallsIn } from './chains.ts';
import { type Found, lineFinder, newIn } from './difference.ts';
import { STRINGS_ADDED } from './strings.ts';
import { whatItDoes } from './what.ts';
import { isBounded } from './where.ts';

/** An act that no later one takes back. `statement` is its kind; `what` says it in words, where they can be had: "drops column `weight`". */
export type Irreversible = { path: string; line: number; statement: string; what?: string };

// What expands a schema (a new table, a column that may be null or has a default, an index) is not here: the release before goes on
// working with it, so that undo is traffic-back alone. What contracts it, or what the release before could not write to, is.

export const FOLDER_REMOVED = 'folder removed with all in it';

// Every span is bounded: a source is whatever an agent wrote, a line of megabytes too.
const ACTS: readonly { name: string; pattern: RegExp }[] = [
  {
    name: 'DROP',
    pattern:
      /\bdrop\s{1,80}(?:table|column|database|schema|view|materialized\s{1,80}view|type|constraint|index|role|user|extension|sequence|owned|policy|tablespace|function|procedure|trigger|aggregate|domain|publication|subscription|server|foreign|keyspace|collection|partition|event|rule|login)\b/gi,
  },
  { name: 'ALTER … DROP', pattern: /\balter\s{1,80}table\b[^;]{0,400}?\bdrop\b/gi },
  {
    name: 'DETACH',
    pattern: /\balter\s{1,80}table\b[^;]{0,400}?\bdetach\s{1,80}partition\b|\bdetach\s{1,80}delete\b/gi,
  },
  // In any case where a statement may begin, and with TABLE or ONLY; elsewhere in capitals, since `truncate` is a word of prose too.
  {
    name: 'TRUNCATE',
    pattern: /(?:^|[;"'`])[ \t]{0,80}truncate\s{1,80}["`\w]|\btruncate\s{1,80}(?:table|only)\b/gim,
  },
  { name: 'TRUNCATE', pattern: /\bTRUNCATE\s{1,80}["`\w]/g },
  // A type changed in place may lose what does not fit; which changes widen cannot be told without the old type.
  {
    name: 'ALTER … TYPE',
    pattern:
      /\balter\s{1,80}(?:column\s{1,80})?["`\w]{1,128}\s{1,80}(?:set\s{1,80}data\s{1,80})?type\b|\b(?:modify|change)\s{1,80}column\b|\balter\s{1,80}table\b[^;]{0,400}?\b(?:modify|change)\s{1,80}["`\w]/gi,
  },
  {
    name: 'RENAME',
    pattern:
      /\balter\s{1,80}(?:table|view|materialized\s{1,80}view|type|schema|database|sequence|index|domain|role|user)\b[^;]{0,400}?\brename\b|\brename\s{1,80}(?:table|tables|column)\s{1,80}["`[\w$.]{1,128}\s{1,80}to\b|\bsp_rename\b/gi,
  },
  {
    name: 'table replaced',
    pattern:
      /\bcreate\s{1,80}or\s{1,80}replace\s{1,80}(?:(?:transient|temp|temporary|external)\s{1,80})?(?:table|schema|database)\b|\binsert\s{1,80}overwrite\b|\bexchange\s{1,80}partition\b/gi,
  },
  {
    name: 'SET NOT NULL',
    pattern: /\balter\s{1,80}(?:column\s{1,80})?["`\w]{1,128}\s{1,80}set\s{1,80}not\s{1,80}null\b/gi,
  },
  {
    name: 'schema pushed or reset',
    pattern:
      /\bdrizzle-kit\s{1,80}(?:push|drop)\b|\bprisma\s{1,80}(?:db\s{1,80}push|migrate\s{1,80}reset)\b|\b(?:migrate|db):(?:fresh|reset|wipe|drop|purge|rollback)\b|\bsequelize(?:-cli)?\s{1,80}db:drop\b|\b(?:synchronize|dropSchema)\s{0,20}:\s{0,20}true\b|\bsync\s{0,20}\(\s{0,80}\{[^}]{0,200}?\b(?:force|alter)\s{0,20}:\s{0,20}(?:true|\{)|\bsynchronize\s{0,20}\(\s{0,20}true\b|\b(?:refreshDatabase|clearDatabase)\s{0,20}\(|\bAllowGlobalUpdate\s{0,20}:\s{0,20}true\b/g,
  },
  {
    name: 'drop of a table, column or collection',
    pattern:
      /\bdrop_?(?:Table|Column|Schema|Database|Collection|Index|Indexes|Constraint|All|AllTables|AllSchemas|AllEnums|AllViews|View|Foreign|Search)s?(?:IfExists)?\s{0,20}\(|\bdropIfExists\s{0,20}\(|\bdrop_(?:table|column|database|index|constraint|all|view)\b|\bremove_(?:columns?|reference|belongs_to|timestamps)\b|\bdropdb\b|\bmysqladmin\b[^\n;]{0,100}?\bdrop\b|\bwhen\s{1,80}not\s{1,80}matched\s{1,80}by\s{1,80}source\b[^;]{0,200}?\bthen\s{1,80}delete\b|\.\s{0,20}drop\s{0,20}\(\s{0,20}\)|\bcollection\s{0,20}\([^)]{0,200}\)\s{0,20}\.\s{0,20}drop\s{0,20}\(|\bmetadata\.drop_all\b|\b(?:Delete(?:Table|Collection|Index|Database|Keyspace|Bucket|Objects|Stack|DBInstance|DBCluster|Cluster|FileSystem|Volume|Snapshot|LogGroup|Queue|Topic|Stream|Domain|HostedZone|Function|Repository|UserPool|Secret|Vault)|TerminateInstances|ScheduleKeyDeletion|PurgeQueue)Command\b|\bdelete_?(?:Table|Collection|Index|Keyspace|Topics?|Bucket|Queue|Stream|Database|ObjectStore|DB_?Instance|DB_?Cluster)\s{0,20}\(|\bdelete_objects\s{0,20}\(|\bs3\w{0,20}\s{0,20}\.\s{0,20}deleteObjects\s{0,20}\(|\bclearTable\s{0,20}\(|\b(?:RemoveField|DeleteModel|RemoveConstraint)\s{0,20}\(|\b(?:queryInterface|queryRunner|qi|pgm|schema|table|op)\s{0,20}(?:\.|->)\s{0,20}remove(?:Column|Attribute|Index|Constraint)s?\s{0,20}\(|\bremoveColumns?\s{0,20}\(\s{0,80}["'`]|\bindices\s{0,20}\.\s{0,20}delete\s{0,20}\(|\brecursiveDelete\s{0,20}\(/gi,
  },
  {
    name: 'rename or change of a table or column',
    // A board of a program has columns too, which it names by a variable.
    pattern:
      /\b(?:queryInterface|queryRunner|qi|pgm|schema|table|op|migrationBuilder)\s{0,20}(?:\.|->)\s{0,20}(?:rename|change|alter)_?(?:Column|Table)s?\s{0,20}\(|\b(?:rename|change)(?:Column|Table)s?\s{0,20}\(\s{0,80}["'`]|\b(?:rename|change)_(?:column|table)\b|\b(?:RenameField|RenameModel|AlterModelTable)\s{0,20}\(/gi,
  },
  {
    name: 'delete of everything',
    pattern:
      /\b(?:delete|remove|destroy|update)(?:Many|All|_many|_all)\s{0,20}\(\s{0,80}(?:\{\s{0,80}\}|\{\s{0,80}(?:where|filter)\s{0,20}:\s{0,20}\{\s{0,80}\}[^}]{0,80}\})?\s{0,80}[,)]|\b(?:destroy|remove|delete)\s{0,20}\(\s{0,80}(?:\{\s{0,80}\}|\{\s{0,80}(?:where|filter)\s{0,20}:\s{0,20}\{\s{0,80}\}[^}]{0,80}\}|\{[^}]{0,200}?\btruncate\s{0,20}:\s{0,20}true[^}]{0,200}\})\s{0,80}[,)]|\.\s{0,20}truncate\s{0,20}\(\s{0,20}\)|\bbulkDelete\s{0,20}\(\s{0,80}[^,()]{1,128}(?:,\s{0,20}(?:null|undefined|\{\s{0,80}\})\s{0,80}[,)]|\))|\bnative(?:Delete|Update)\s{0,20}\(\s{0,80}(?:\w{1,80}\s{0,20},\s{0,20})?\{\s{0,80}\}|\bmatch\s{0,20}\((?:(?!\bwhere\b)[^;{}"'`]){1,200}?\bdelete\s{1,20}\w|\b(?:update|destroy|delete|remove)\w{0,10}\s{0,20}\([^;]{0,300}?\bwhere\s{0,20}:\s{0,20}\{\s{0,80}\}|\bupdateMany\s{0,20}\(\s{0,80}\{\s{0,80}data\b(?![^;]{0,400}?\bwhere\b)|\.(?:delete_all|destroy_all|update_all)\b|\bdelete_?by_?query\b[^;]{0,300}?\bmatch_all\b|\b(?:getRepository\([^)]{0,80}\)|\w{0,60}repo(?:sitory)?)\s{0,20}\.\s{0,20}clear\s{0,20}\(\s{0,20}\)|\b(?:entity)?manager\s{0,20}\.\s{0,20}clear\s{0,20}\(\s{0,20}\w/gi,
  },
  {
    name: 'force-push',
    pattern:
      /\bgit\s{1,80}(?:-\S{1,80}\s{1,80}(?:[^-\s]\S{0,200}\s{1,80})?){0,4}push\b(?:[ \t]{1,80}[^\s;|&]{1,200}){0,8}?[ \t]{1,80}(?:--force\b|--force-with-lease\b|-[a-z]{0,8}f[a-z]{0,8}\b|--mirror\b|--delete\b|--prune\b|-d\b|\+[\w/]|:[\w/])|["'`]push["'`]\s{0,80},[^\]]{0,200}?["'`](?:--force\b|--force-with-lease\b|-f\b|--mirror\b|--delete\b|--prune\b|\+[\w/]|:[\w/])/g,
  },
  {
    name: 'history rewritten',
    pattern:
      /\bgit\s{1,80}(?:filter-branch|filter-repo|reflog\s{1,80}expire|update-ref\s{1,80}-d|gc\s[^\n;]{0,80}--prune)\b|\bgh\s{1,80}(?:repo|release|secret|variable)\s{1,80}delete\b|\b(?:npm|pnpm|yarn)\s{1,80}unpublish\b|\bcargo\s{1,80}yank\b/g,
  },
  {
    name: 'rm -rf',
    pattern:
      /\brm(?=[^;|&\n]{0,200}?\s-(?:\w{0,8}r|-recursive\b))\s{1,80}(?:(?:-\w{1,16}|--[\w-]{0,40})\s{1,80}){1,20}["']?(?:\/|~|\$|\*|\.\.?(?:\/|\s|$))|\brm\s{1,80}(?:-\w{0,8}r\w{0,8}|--recursive)\b[^"'`\n;]{0,80}["'`]\s{0,40},\s{0,40}[\w$.]|\bfind\s[^|;\n]{0,400}?\s-delete\b|\bremove-item\b[^\n;|]{0,200}?-recurse\b|\b(?:rd|rmdir)\s{1,20}\/s\b|\bdel\s{1,20}\/[sq]\b|\bshred\s{1,20}-/gi,
  },
  {
    name: FOLDER_REMOVED,
    // Not where a literal names a folder below the working one, as `rm -rf dist` does.
    pattern:
      /\b(?:rmSync|rm|rmdirSync|rmdir)\s{0,20}\(\s{0,80}(?!["'`](?:\.\/)?[\w-][\w./-]{0,200}["'`](?<!\.\.[^"'`]{0,200}["'`]))[^;]{0,300}?\brecursive\b["']?\s{0,20}:(?!\s{0,20}false\b)|\b(?:rimraf(?:Sync|\.sync)?|del(?:eteAsync|eteSync)|emptyDir(?:Sync)?|removeSync|fse?\.remove|fse?\.emptyDir)\s{0,20}\(\s{0,80}(?!["'`](?:\.\/)?[\w-][\w/-]{0,200}["'`])|\b(?:rmSync|fs(?:p|Promises|\.promises)?\.rm|promises\.rm|rmdirSync)\s{0,20}\([^,;]{1,200},\s{0,40}[A-Za-z_$][\w$.]{0,80}\s{0,20}\)|\bshutil\.rmtree\s{0,20}\(|\bFileUtils\.(?:rm_rf|rm_r|remove_dir|remove_entry)|\bos\.RemoveAll\s{0,20}\(|\bfs::remove_dir_all\b|\bFiles\.walk\b[^;]{0,200}?\bdelete|\bfilesystem::remove_all\b/g,
  },
  {
    name: 'volume removed',
    pattern:
      /\b(?:docker|podman)\s{1,80}(?:volume\s{1,80}(?:rm|prune)|system\s{1,80}prune)\b|\b(?:docker|podman)[ -]compose\b[^\n]{0,200}?\bdown\b[^\n]{0,200}?\s(?:-v|--volumes)\b/g,
  },
  { name: 'FLUSHALL or FLUSHDB', pattern: /\bflush_?(?:all|db)\b/gi },
  {
    name: 'queue or topic emptied',
    pattern:
      /\bpurge_?queue\b|\bqueue\.purge\b|\brabbitmqctl\s{1,80}(?:purge_queue|delete_queue|reset)\b|\bkafka-topics\b[^\n]{0,200}?--delete\b|\bobliterate\s{0,20}\(/gi,
  },
  {
    name: 'cluster or cloud resource deleted',
    pattern:
      /\bkubectl\s{1,80}(?:-\S{1,80}\s{1,80}(?:[^-\s]\S{0,80}\s{1,80})?){0,6}(?:delete|drain|replace\s[^\n]{0,80}--force)\b|\bhelm\s{1,80}(?:uninstall|delete|del)\b|\b(?:terraform|tofu|terragrunt)\s{1,80}(?:-\S{1,80}\s{1,80}){0,4}(?:destroy\b|apply\b[^\n]{0,200}?-destroy\b|state\s{1,80}rm\b|workspace\s{1,80}delete\b)|\b(?:pulumi|cdk|cdktf)\s{1,80}destroy\b|\b(?:sls|serverless)\s{1,80}remove\b|\baws\s{1,80}s3\s{1,80}(?:rb\b|rm\b[^\n]{0,200}?--recursive|sync\b[^\n]{0,200}?--delete)|\baws\s{1,80}[\w-]{1,40}\s{1,80}(?:delete|terminate|deregister|purge|schedule-key-deletion)[\w-]{0,60}|\bgsutil\s{1,80}(?:-m\s{1,80})?(?:rm\b[^\n]{0,200}?-r|rb\b)|\b(?:gcloud|az|doctl|oci|ibmcloud|linode-cli|hcloud)\s[^\n;|&]{1,200}?\b(?:delete|destroy|purge)\b|\b(?:heroku|fly|flyctl)\s{1,80}(?:apps?:destroy|apps?\s{1,80}destroy|pg:reset|volumes?\s{1,80}destroy|destroy)\b|\bvault\s{1,80}(?:kv\s{1,80})?(?:delete|destroy)\b/g,
  },
  {
    name: 'file system made or overwritten',
    pattern:
      /\bmkfs(?:\.\w{1,16})?\s|\bdd\b[^\n]{0,200}?\bof=\/dev\/|\bwipefs\b|\bblkdiscard\b|\b(?:zpool|zfs)\s{1,80}destroy\b|\b(?:lv|vg|pv)remove\b|>\s{0,8}\/dev\/(?:sd|nvme|vd|xvd|disk)|\bcrontab\s{1,8}-r\b/g,
  },
];

/** A statement of SQL that empties or overwrites a table unless its WHERE bounds it. The table's name lies between the words. */
const UNBOUNDED: readonly { name: string; pattern: RegExp }[] = [
  {
    name: 'DELETE without WHERE',
    pattern: /\bdelete\s{1,80}(?:top\s{0,20}\([^)]{0,40}\)\s{0,20})?(?:["`\w.]{1,128}\s{1,80})?from\b/gi,
  },
  {
    name: 'UPDATE without WHERE',
    pattern:
      /\bupdate\s{1,80}(?:only\s{1,80}|low_priority\s{1,80}|ignore\s{1,80})?(?:["`[]?[\w$]{1,128}["`\]]?\.){0,3}(?:["`[]?[\w$]{1,128}["`\]]?|\$\{[^}]{1,200}\})\s{1,80}(?:(?:as\s{1,80})?(?!set\b)\w{1,64}\s{1,80})?set\s{1,80}(?:[\w."`[\]]{1,128}\s{0,20}[+|]?=|\(|\$\{|%s|\?)/gi,
  },
];

/** More acts, and more statements, are not looked at one by one: a source with so many has one more, which says so. */
const MOST_ACTS = 500;
const MOST_STATEMENTS = 5_000;
const TOO_MANY = { statement: 'more statements than are read', text: '' };

/** Of a statement's text, from where it begins. */
const STATEMENT_MAX = 1_500;

const blank = (comment: string) => comment.replaceAll(/[^\n]/g, ' ');

/** By searching on, and not by a pattern: a thousand openings without an end would be looked through a thousand times. */
function withoutBlockComments(text: string): string {
  const kept: string[] = [];
  let at = 0;
  for (;;) {
    const open = text.indexOf('/*', at);
    const close = open < 0 ? -1 : text.indexOf('*/', open + 2);
    if (close < 0) return kept.join('') + text.slice(at);
    kept.push(text.slice(at, open), blank(text.slice(open, close + 2)));
    at = close + 2;
  }
}

/** The quotes between two strings that are added to each other, as white space: what is written over them is one statement. */
const joined = (text: string): string => text.replaceAll(STRINGS_ADDED, blank);

/** Between a program's name and its arguments where they are given as a list: the command as a shell would be given it. */
const asCommand = (text: string): string => text.replaceAll(/["'`]\s{0,40},\s{0,40}\[?\s{0,40}["'`]/g, blank);

/** How a source may be read: as it stands, without comments, over its strings, and with its commands as one text. What a comment hides or pretends is looked for in each. */
function readings(path: string, text: string): string[] {
  const block = withoutBlockComments(text);
  const bare = isSql(path) ? block.replaceAll(/--[^\n]*/g, blank) : block;
  return [text, bare, joined(bare), asCommand(bare)];
}

const isSql = (path: string): boolean => /\.(?:sql|ddl|psql|pgsql|hql|cql)$/i.test(path);

/** How far before a statement the quote is looked for that opens its string. */
const QUOTE_WITHIN = 200;

/** A statement from `at` to its end: a semicolon, or, where a language writes it in a string, the quote that closes that. */
function statementAt(text: string, at: number, sql: boolean): string {
  const rest = /^[^;]*/.exec(text.slice(at, at + STATEMENT_MAX))?.[0] ?? '';
  const quote = sql ? null : /["'`](?=[^"'`]*$)/.exec(text.slice(Math.max(0, at - QUOTE_WITHIN), at))?.[0];
  const closed = quote ? rest.indexOf(quote) : -1;
  return closed < 0 ? rest : rest.slice(0, closed);
}

type Act = Found & { statement: string; text: string };

/** What is the same act again: its own words, and what of its statement makes it one. */
const keyOf = (statement: string, text: string): string =>
  `${statement} ${text.replaceAll(/\s+/g, ' ').trim()}`;

/** `commands`: in the reading as commands, where the end of a string is not to be seen, no statement is bounded or not. */
const allActsIn = (sql: boolean, commands: boolean) =>
  function* (text: string): Generator<Act> {
    let statements = 0;
    for (const { name, pattern } of ACTS)
      for (const { 0: match, index } of text.matchAll(pattern)) {
        const rest = text.slice(index, index + STATEMENT_MAX);
        const statement = /^[;"'`]?[^;]*/.exec(rest)?.[0] ?? rest;
        const toItsLine = /^[^\n;]*/.exec(rest.slice(match.length, match.length + 200))?.[0] ?? '';
        yield { at: index, key: keyOf(name, match + toItsLine), statement: name, text: statement };
      }
    if (commands) return;
    for (const { at, key, statement, text: chain, unchosen } of actingCallsIn(text)) {
      if (++statements > MOST_STATEMENTS) return yield { at, key: text, ...TOO_MANY };
      if (unchosen) yield { at, key: keyOf(statement, key), statement, text: chain };
    }
    for (const { name, pattern } of UNBOUNDED)
      for (const { index } of text.matchAll(pattern)) {
        if (++statements > MOST_STATEMENTS) return yield { at: index, key: text, ...TOO_MANY };
        const statement = statementAt(text, index, sql);
        if (!isBounded(statement))
          yield { at: index, key: keyOf(name, statement), statement: name, text: statement };
      }
    // A column that must be filled and has no default: the release before does not know it, and its INSERTs fail.
    for (const { index } of text.matchAll(/\badd\s{1,80}column\b/gi)) {
      if (++statements > MOST_STATEMENTS) return yield { at: index, key: text, ...TOO_MANY };
      const name = 'ADD COLUMN … NOT NULL without DEFAULT';
      const column =
        statementAt(text, index, sql)
          .slice(0, 300)
          .split(/,(?![^(]*\))/)[0] ?? '';
      if (/\bnot\s+null\b/i.test(column) && !/\bdefault\b|\bgenerated\b/i.test(column))
        yield { at: index, key: keyOf(name, column), statement: name, text: column };
    }
  };

const actsIn = (sql: boolean, commands: boolean) =>
  function* (text: string): Generator<Act> {
    let acts = 0;
    for (const act of allActsIn(sql, commands)(text)) {
      if (++acts > MOST_ACTS) return yield { ...act, key: text, ...TOO_MANY };
      yield act;
    }
  };

/**
 * What a changed file would do that cannot be taken back and did not do before. Reads text, not a grammar: it errs towards finding too much, since
 * what it finds waits for two people and what it misses ships.
 */
export function newIrreversible(path: string, before: string, after: string): Irreversible[] {
  const lineOf = lineFinder(after);
  const found = new Map<string, Irreversible>();
  const [was, is] = [readings(path, before), readings(path, after)];
  for (const [i, reading] of is.entries()) {
    if (i > 0 && reading === is[i - 1] && was[i] === was[i - 1]) continue;
    for (const { at, statement, text } of newIn(
      was[i] ?? '',
      reading,
      actsIn(isSql(path), i === is.length - 1),
    )) {
      const line = lineOf(at + (/^\s*/.exec(text)?.[0].length ?? 0));
      const what = whatItDoes(text);
      const key = `${line} ${statement}`;
      if (!found.has(key))
        found.set(key, what === null ? { path, line, statement } : { path, line, statement, what });
    }
  }
  return [...found.values()];
}
