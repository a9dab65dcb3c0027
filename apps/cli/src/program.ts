import { Command } from 'commander';
import type { Options } from './connection.ts';
import { notYet } from './not-yet.ts';
import { common, does, leaf, noun } from './program/parts.ts';
import { policyCommands } from './program/policy.ts';
import { trailCommands } from './program/trail.ts';
import { lookOf } from './text/look.ts';
import { version } from './version.ts';

// Every command; docs/commands.md is made of it. What a command does is loaded when it runs: `--help` is instant, and the supervisor of `up` stays small.

function factory(root: Command): void {
  const up = leaf(root, 'up', 'start the factory; stays in the foreground, Ctrl-C stops it')
    .option('--port <n>', 'port of the console and API, on loopback; 0 takes a free one (default 4600)')
    .option('--recorded <dir>', 'answer models from recorded conversations in DIR instead of Claude')
    .option(
      '--by-hand <dir>',
      'answer models yourself: a page for each request in DIR, and a file for its answer',
    );
  up.action(async () => {
    const { up: start } = await import('./up/up.ts');
    await start(up.optsWithGlobals<Options>());
  });
  does(
    leaf(root, 'doctor', 'one line a check, with the exact fix'),
    async () => (await import('./commands/doctor.ts')).doctor,
  );
  does(
    leaf(root, 'backup <folder>', 'everything of this factory in a new folder; what runs goes on').option(
      '--keys <file>',
      'the keys into this file (else keys.json in the folder): keep them apart',
    ),
    async () => (await import('./commands/backup.ts')).backup,
  );
  does(
    leaf(
      root,
      'restore <folder>',
      'a factory from its backup, in an empty data folder; it starts halted',
    ).option('--keys <file>', 'the file with its keys (else keys.json in the folder)'),
    async () => (await import('./commands/restore.ts')).restore,
  );
  const period = (command: Command, otherwise: string) =>
    command
      .option('--since <time>', `12h, 30d, 2026-11-21 or 2026-11-21T14:30 (else ${otherwise})`)
      .option('--repo <name>', 'of this repository only');
  does(
    period(leaf(root, 'digest', 'what needs you, broke, shipped, runs and was spent, as Markdown'), '12h'),
    async () => (await import('./commands/digest.ts')).digest,
  );
  does(
    period(leaf(root, 'metrics', 'DORA, autonomy, cost and time: how the factory does'), '30d'),
    async () => (await import('./commands/metrics.ts')).metrics,
  );
  const views = noun(root, 'views', 'what is listed, made of the trail');
  does(
    leaf(views, 'status', 'up to which entry it is made, and which entries it could not take'),
    async () => (await import('./commands/views.ts')).status,
  );
  does(
    leaf(views, 'rebuild', 'make it anew from the whole trail, while it is read as it is'),
    async () => (await import('./commands/views.ts')).rebuild,
  );
  does(
    scoped(leaf(root, 'halt', 'stop what goes forward, and say what still runs; rollbacks go on')),
    async () => (await import('./commands/factory.ts')).halt,
  );
  does(
    scoped(leaf(root, 'resume', 'go on after a halt')),
    async () => (await import('./commands/factory.ts')).resume,
  );
}

function evaluation(root: Command): void {
  does(
    leaf(
      root,
      'eval <folder>',
      'run cases with hidden tests through this factory, and tell how many it solves',
    )
      .option('--out <dir>', 'where results are kept; what is there is not run again (else FOLDER-results)')
      .option('--name <text>', 'what the configuration is called in reports')
      .option(
        '--config <file>',
        'run them in a factory of its own with these settings; given twice, the two are compared',
        (file: string, before: string[] = []) => [...before, file],
      )
      .option('--against <dir>', 'compare with the results of another evaluation, case by case')
      .option('--parallel <n>', 'cases at a time (else 2)')
      .option('--step <n>', "the cases' step of autonomy (else 7)")
      .option(
        '--import <source>',
        'make the folder of a SWE-bench-like .jsonl, or of a folder of exercises, and end',
      )
      .option('--repos <dir>', 'where the clones for --import are (else beside the file)')
      .option('--test <command>', 'how imported tests are run, where the source does not say'),
    async () => (await import('./commands/eval.ts')).evaluate,
  );
}

/** Where a role is had: everywhere, where nothing is named. */
const had = (command: Command): Command =>
  command
    .option('--unit <name>', 'in the repositories of this unit only')
    .option('--repo <name>', 'in this repository only');

/** What a halt or its end is about: everything, where nothing is named. */
const scoped = (command: Command): Command =>
  command
    .option('--unit <name>', 'of the repositories of this unit only')
    .option('--repo <name>', 'of this repository only')
    .option('--action <kind>', 'only this kind of act: start, stage, merge or deploy')
    .option('--model <name>', 'only calls of this model')
    .requiredOption('--reason <text>', 'why, for the trail');

function setUp(root: Command): void {
  const budget = noun(root, 'budget', 'what may be spent on models, reserved before each call');
  does(
    leaf(budget, 'show', 'caps, what was spent and what is reserved').option(
      '--all',
      'each ticket and run too',
    ),
    async () => (await import('./commands/budget.ts')).showBudgets,
  );
  does(
    leaf(
      budget,
      'set <scope> <usd>',
      'cap factory, unit/NAME, repo/NAME, ticket/ID or run/ID; none lifts a cap',
    ).requiredOption('--reason <text>', 'why, for the trail'),
    async () => (await import('./commands/budget.ts')).setBudget,
  );

  const limit = noun(root, 'limit', 'how many stages are at work at once');
  does(
    leaf(limit, 'show', 'limits, what is at work, and what waits for its turn'),
    async () => (await import('./commands/limit.ts')).showLimits,
  );
  does(
    leaf(
      limit,
      'set <scope> <stages>',
      'limit factory, unit/NAME or repo/NAME; none lifts a limit',
    ).requiredOption('--reason <text>', 'why, for the trail'),
    async () => (await import('./commands/limit.ts')).setLimit,
  );

  const model = noun(root, 'model', 'what is known of models: prices and limits');
  does(
    leaf(model, 'add <name>', 'add a model, or put other numbers over a known one')
      .requiredOption('--input <usd>', 'dollars a million tokens of prompt')
      .requiredOption('--output <usd>', 'dollars a million tokens of answer')
      .option('--cache-read <usd>', 'dollars a million tokens read from the cache (else as --input)')
      .option('--context <tokens>', 'tokens of prompt and answer together (else 200000)')
      .option('--max-output <tokens>', 'the longest answer (else 32000)')
      .option('--thinking', 'it takes adaptive thinking')
      .option('--efforts <list>', 'the efforts that it takes, with commas between'),
    async () => (await import('./commands/model.ts')).add,
  );

  const person = noun(root, 'person', 'who may file, approve and administer');
  does(
    had(
      leaf(person, 'invite <name>', 'invite a person; prints a code for them, to be used once').option(
        '--roles <list>',
        'of admin, author, approver, with commas between',
        'author',
      ),
    ),
    async () => (await import('./commands/person.ts')).invite,
  );
  does(
    leaf(person, 'accept <code>', 'use the code of your invitation; prints your token once'),
    async () => (await import('./commands/person.ts')).accept,
  );
  does(
    leaf(person, 'rotate <id>', "end a token: prints your new one, or a code for another person's"),
    async () => (await import('./commands/person.ts')).rotate,
  );
  does(
    leaf(person, 'erase <id>', 'forget a name, and end its access').requiredOption(
      '--reason <text>',
      'why, for the trail',
    ),
    async () => (await import('./commands/person.ts')).erase,
  );
  does(
    had(leaf(person, 'grant <name> <role>', 'give a person a role; by name or id')).requiredOption(
      '--reason <text>',
      'why, for the trail',
    ),
    async () => (await import('./commands/person.ts')).grant,
  );
  does(
    had(leaf(person, 'revoke <name> <role>', 'take a role from a person where they have it')).requiredOption(
      '--reason <text>',
      'why, for the trail',
    ),
    async () => (await import('./commands/person.ts')).revoke,
  );
  for (const [name, what] of [
    ['link', 'say that an account outside is theirs: what it asks for there, they ask for'],
    ['unlink', 'say that an account outside is theirs no more'],
  ] as const)
    does(
      leaf(person, `${name} <name>`, what)
        .requiredOption('--repo <name>', 'the repository that is connected to where the account is')
        .requiredOption('--account <name>', 'as it is called there now; kept by the id that it keeps')
        .requiredOption('--reason <text>', 'why, for the trail'),
      async () => (await import('./commands/person.ts'))[name],
    );
  does(
    leaf(person, 'list', 'who is enrolled and invited, and their roles'),
    async () => (await import('./commands/person.ts')).list,
  );
  does(
    leaf(person, 'show <name>', 'one person, by name or id, a line a role'),
    async () => (await import('./commands/person.ts')).showPerson,
  );

  const runner = noun(root, 'runner', 'the runners: which there are, and what they take');
  does(
    leaf(runner, 'list', 'the runners that live, what each holds, and whether it is drained'),
    async () => (await import('./commands/runner.ts')).list,
  );
  does(
    leaf(
      runner,
      'drain <name>',
      'it takes nothing any more, and what it has goes on with others; exit code 8 while it still holds something',
    ).requiredOption('--reason <text>', 'why, for the trail'),
    async () => (await import('./commands/runner.ts')).drain,
  );
  does(
    leaf(runner, 'resume <name>', 'it takes work again').requiredOption(
      '--reason <text>',
      'why, for the trail',
    ),
    async () => (await import('./commands/runner.ts')).takeAgain,
  );

  const unit = noun(root, 'unit', 'business units: scopes of repositories, roles, policy and budget');
  does(
    leaf(unit, 'add <name>', 'add a unit').requiredOption('--reason <text>', 'why, for the trail'),
    async () => (await import('./commands/unit.ts')).add,
  );
  does(
    leaf(unit, 'list', 'the units, each with its repositories'),
    async () => (await import('./commands/unit.ts')).list,
  );
  does(
    leaf(unit, 'show <name>', 'one unit, and what its policy says'),
    async () => (await import('./commands/unit.ts')).showUnit,
  );
  const policy = noun(unit, 'policy', "a unit's own layer of policy, which can only tighten");
  does(
    leaf(policy, 'set <unit> <file>', 'Cedar text that only forbids; - reads it from stdin').requiredOption(
      '--reason <text>',
      'why, for the trail',
    ),
    async () => (await import('./commands/unit.ts')).setPolicy,
  );
  does(
    leaf(policy, 'remove <unit>', 'take it away').requiredOption('--reason <text>', 'why, for the trail'),
    async () => (await import('./commands/unit.ts')).removePolicy,
  );

  const repo = noun(root, 'repo', 'the repositories this factory works on');
  does(
    leaf(repo, 'add <path-or-url>', 'add a git repository: a path, or an https, ssh or file address')
      .option('--name <name>', 'its name in this factory (else from the address)')
      .option('--branch <name>', 'the branch that changes land on', 'main')
      .option('--deliver <how>', 'merge: onto that branch; branch: as a branch beside it', 'merge')
      .option('--unit <name>', 'the unit that it is of (else the default one)')
      .option(
        '--with-token',
        'reads the token for an https address from stdin; kept as its secret GIT_TOKEN',
      ),
    async () => (await import('./commands/repo.ts')).add,
  );
  does(
    leaf(repo, 'list', 'the repositories, with step and live release'),
    async () => (await import('./commands/repo.ts')).list,
  );

  does(
    leaf(repo, 'move <name>', 'make it a repository of another unit')
      .requiredOption('--unit <name>', 'the unit that it is of from now on')
      .requiredOption('--reason <text>', 'why, for the trail'),
    async () => (await import('./commands/repo.ts')).move,
  );

  does(
    leaf(
      root,
      'mcp',
      'serve another agent on stdin and stdout: file tickets and read, with a token that decides nothing',
    ),
    async () => (await import('./commands/mcp.ts')).mcp,
  );
  const connect = noun(root, 'connect', 'where tickets come from and are told of outside');
  does(
    leaf(
      connect,
      'github',
      'take the issues of a GitHub project that have a label, and tell there what becomes of them',
    )
      .requiredOption('--repo <name>', 'the repository whose issues they are')
      .requiredOption('--project <owner/name>', 'as it is called on GitHub')
      .option('--label <name>', 'what makes an issue a ticket', 'millwright')
      .option(
        '--api <url>',
        'the address of its interface; GitHub Enterprise: https://HOST/api/v3',
        'https://api.github.com',
      )
      .addHelpText('after', '\nThe token is read from stdin, never from the command line.'),
    async () => (await import('./commands/connect.ts')).github,
  );
  does(
    leaf(connect, 'list', 'which repositories are connected to where, and what delays them'),
    async () => (await import('./commands/connect.ts')).list,
  );
  does(
    leaf(connect, 'check <repo>', 'try every right that will be used there, and name what is missing'),
    async () => (await import('./commands/connect.ts')).check,
  );
  does(
    leaf(connect, 'remove <repo>', 'take no more tickets from there, and tell nothing more').requiredOption(
      '--reason <text>',
      'why, for the trail',
    ),
    async () => (await import('./commands/connect.ts')).remove,
  );

  does(
    leaf(
      root,
      'blame <file:line>',
      'who brought a line: its ticket, run, decisions and release',
    ).requiredOption('--repo <name>', 'whose branch it is on'),
    async () => (await import('./commands/blame.ts')).blame,
  );
  const secret = noun(root, 'secret', 'values for deploy.secrets');
  does(
    leaf(
      secret,
      'set <name>',
      'set a secret; the value is read from stdin, never from the command line',
    ).requiredOption('--repo <name>', 'whose secret'),
    async () => (await import('./commands/repo.ts')).setSecret,
  );

  const autonomy = noun(root, 'autonomy', 'how far a repository may go by itself');
  does(
    leaf(autonomy, 'show', 'the step of each repository, what it lost, and what the next step needs').option(
      '--repo <name>',
      'only this one',
    ),
    async () => (await import('./commands/autonomy.ts')).showAutonomy,
  );
  does(
    leaf(autonomy, 'set <step>', 'set the step, 0 to 7')
      .requiredOption('--repo <name>', 'of this repository')
      .option(
        '--kind <kind>',
        'for this kind of change alone: lower at any time, raised by a step once it has earned it',
      )
      .requiredOption('--reason <text>', 'why, for the trail'),
    async () => (await import('./commands/autonomy.ts')).setAutonomy,
  );
  does(
    leaf(autonomy, 'attest <criterion>', 'say of a criterion that the trail cannot see that it holds')
      .requiredOption('--evidence <text>', 'what shows it: a document, a ticket, figures')
      .requiredOption('--for <duration>', 'how long it counts, such as 90d; a year at most')
      .option('--not', 'that it does not hold')
      .option('--unit <name>', 'for this unit (else the whole factory)')
      .option('--repo <name>', 'for this repository'),
    async () => (await import('./commands/autonomy.ts')).attest,
  );

  const ladder = noun(root, 'ladder', 'the steps of autonomy, and what each next one needs');
  does(
    leaf(
      ladder,
      'report',
      'all steps, where each unit and repository stands, and what is missing; Markdown, to be handed on',
    ).option('--repo <name>', 'only this repository and its unit'),
    async () => (await import('./commands/autonomy.ts')).reportLadder,
  );
}

function work(root: Command): void {
  const ticket = noun(root, 'ticket', 'what is to be done');
  does(
    leaf(ticket, 'file <file>', 'file a ticket from a Markdown file, or from stdin with -')
      .requiredOption('--repo <name>', 'for this repository')
      .option('--kind <kind>', 'feature, bug, security, dependency, refactor, docs, performance or incident')
      .option('--key <key>', 'idempotency key: filed twice with the same key is one ticket')
      .option('--follow', 'watch its run to the end')
      .option('--timeout <duration>', 'stop following after this long, with exit code 8'),
    async () => (await import('./commands/ticket.ts')).file,
  );
  does(
    leaf(ticket, 'list', 'the tickets, newest first').option('--repo <name>', 'only of this repository'),
    async () => (await import('./commands/ticket.ts')).list,
  );
  does(leaf(ticket, 'show <id>', 'one ticket'), async () => (await import('./commands/ticket.ts')).show);
  does(
    leaf(ticket, 'answer <id> <text>', 'answer what a run asked').option(
      '--again',
      'where it asked nothing: start another run, which is told this and is paid for',
    ),
    async () => (await import('./commands/ticket.ts')).answer,
  );
  does(
    leaf(ticket, 'link <id> <url>', 'say what it is elsewhere: in a tracker, a forge, a chat')
      .requiredOption('--kind <kind>', 'where that is, such as github')
      .requiredOption('--as <id>', 'what it is called there'),
    async () => (await import('./commands/ticket.ts')).link,
  );

  const run = noun(root, 'run', 'a ticket on its way');
  does(
    leaf(run, 'list', 'the runs, newest first').option('--repo <name>', 'only of this repository'),
    async () => (await import('./commands/run.ts')).list,
  );
  does(
    leaf(run, 'show <id>', 'one run: stages, gates, change, release, cost'),
    async () => (await import('./commands/run.ts')).show,
  );
  does(
    leaf(run, 'watch <id>', 'follow a run to its end').option(
      '--timeout <duration>',
      'stop after this long, with exit code 8',
    ),
    async () => (await import('./commands/run.ts')).watch,
  );
  does(
    leaf(run, 'why <id>', 'why a run is where it is, and what is next'),
    async () => (await import('./commands/run.ts')).why,
  );
  const part = (name: string, summary: string) => leaf(run, `${name} <id>`, summary);
  does(
    part('diff', 'its change as a patch, what is dangerous first').option(
      '--stat',
      'the files alone, with why',
    ),
    async () => (await import('./commands/run-parts.ts')).diff,
  );
  does(part('plan', 'its plan'), async () => (await import('./commands/run-parts.ts')).plan);
  does(
    part('review', 'what reviewers said of it'),
    async () => (await import('./commands/run-parts.ts')).review,
  );
  does(
    part('tests', 'what was tested, what failed, and what it said'),
    async () => (await import('./commands/run-parts.ts')).tests,
  );
  does(
    part('logs', 'what its agents did, a line a turn')
      .option('--attempt <id>', 'of this attempt, with what was said, called and answered')
      .option('--stage <kind>', 'likewise, of the newest attempt of plan, implement, review, test or deploy'),
    async () => (await import('./commands/run-parts.ts')).logs,
  );
  does(
    part('cost', 'what it cost, by stage, and the budgets that it was taken from'),
    async () => (await import('./commands/run-parts.ts')).cost,
  );
  does(
    leaf(
      run,
      'retry <id>',
      'let a run go on from where it was: one that waits for a person, or that ended without being done',
    ).option('--reason <text>', 'why, for the trail', 'asked by a person'),
    async () => (await import('./commands/run.ts')).retry,
  );
  does(
    leaf(run, 'steer <id> <text>', 'add a sentence to what its agents at work are to do').option(
      '--task <id>',
      'only to those at work on this task',
    ),
    async () => (await import('./commands/run.ts')).steer,
  );
  does(
    leaf(run, 'cancel <id>', 'stop a run').option(
      '--reason <text>',
      'why, for the trail',
      'cancelled by a person',
    ),
    async () => (await import('./commands/run.ts')).cancel,
  );

  does(
    leaf(
      run,
      'follow-up <id> [n]',
      'file a ticket of what it left open, or its agents noticed; without a number: what that is',
    ).option('--kind <kind>', 'feature, bug, security, …', 'bug'),
    async () => (await import('./commands/run.ts')).followUp,
  );

  const gate = noun(root, 'gate', 'decisions: start, merge, deploy');
  does(
    leaf(gate, 'list', 'gates that wait for approval')
      .option('--repo <name>', 'only of this repository')
      .option('--all', 'decided ones too'),
    async () => (await import('./commands/gate.ts')).list,
  );
  does(
    leaf(gate, 'show <id>', 'facts, policies, and what an approval is bound to'),
    async () => (await import('./commands/gate.ts')).show,
  );
  for (const verb of ['approve', 'deny'] as const)
    does(
      leaf(gate, `${verb} <id>`, `${verb} what the gate asks`).requiredOption(
        '--reason <text>',
        'why, for the trail',
      ),
      async () => (await import('./commands/gate.ts'))[verb],
    );
}

function shipped(root: Command): void {
  const release = noun(root, 'release', 'what was built and shipped');
  does(
    leaf(release, 'list', 'the releases, newest first').option('--repo <name>', 'only of this repository'),
    async () => (await import('./commands/release.ts')).list,
  );
  does(leaf(release, 'show <id>', 'one release'), async () => (await import('./commands/release.ts')).show);
  does(
    leaf(release, 'quarantine', 'what was rolled back and does not ship again as it is').option(
      '--repo <name>',
      'only of this repository',
    ),
    async () => (await import('./commands/release.ts')).quarantine,
  );
  does(
    leaf(release, 'lift <id>', 'let what was rolled back ship again').requiredOption(
      '--reason <text>',
      'why, for the trail',
    ),
    async () => (await import('./commands/release.ts')).lift,
  );
  for (const [verb, summary] of [
    ['freeze', 'let nothing go forward on a target; going back goes on'],
    ['thaw', 'let releases go forward again'],
  ] as const)
    does(
      leaf(release, `${verb} <target>`, summary).requiredOption('--reason <text>', 'why, for the trail'),
      async () => (await import('./commands/release.ts'))[verb],
    );

  for (const [verb, summary] of [
    [
      'pause',
      'hold the canary of a target at its share of traffic; one that degrades goes back all the same',
    ],
    ['promote', "end the canary's present bake now; judged as its deploy was"],
    ['abort', 'take the canary of a target back; what is live serves alone'],
  ] as const) {
    const command = leaf(release, `${verb} <target>`, summary).requiredOption(
      '--reason <text>',
      'why, for the trail',
    );
    if (verb === 'pause')
      command.option('--for <duration>', 'at most so long, 1s to 24h (else 1h); 0s lets it go on', '1h');
    does(command, async () => (await import('./commands/release.ts'))[verb]);
  }

  const rollback = leaf(
    root,
    'rollback [release]',
    'go back to the release before the live one, or to RELEASE',
  )
    .option('--repo <name>', 'of this repository')
    .option('--dry-run', 'say what would happen; change nothing')
    .option('--offline', 'on its own machine, while the factory or its database is down')
    .option('--yes', 'do not ask')
    .option('--reason <text>', 'why, for the trail')
    .helpCommand(false);
  does(rollback, async () => (await import('./commands/rollback.ts')).rollback);
  does(
    leaf(rollback, 'status', 'what is live, what a rollback may go to, and what stands in the way').option(
      '--repo <name>',
      'only of this repository',
    ),
    async () => (await import('./commands/rollback.ts')).status,
  );
  does(
    leaf(rollback, 'undo', 'forward again to what the last rollback left; judged as its deploy was')
      .option('--repo <name>', 'of this repository')
      .option('--no-wait', 'do not wait for its canary')
      .option('--timeout <duration>', 'stop waiting after this long, with exit code 8'),
    async () => (await import('./commands/rollback-undo.ts')).undo,
  );
  notYet(root);
}

/** The command line, parsed by commander; wrong ones end as `CommanderError`s, which `finish` turns into exit code 2. */
export function program(): Command {
  const root = common(new Command('millwright'))
    .description('A software factory you can stop, prove and undo.')
    .usage('<noun> <verb> [options]')
    .version(version(), '--version', 'the version of this checkout')
    .helpCommand(false)
    .showSuggestionAfterError(true)
    .configureHelp({
      sortSubcommands: false,
      showGlobalOptions: false,
      subcommandTerm: termOf,
      subcommandDescription: descriptionOf,
    })
    .addHelpText(
      'after',
      '\nExit codes: 0 done as asked · 1 failed · 2 usage · 3 cannot reach the factory\n            4 not allowed · 5 denied by policy · 6 rolled back\n            7 trail does not verify · 8 still pending',
    );
  factory(root);
  setUp(root);
  evaluation(root);
  work(root);
  policyCommands(root);
  trailCommands(root);
  shipped(root);
  quiet(root);
  return root;
}

/** Every command throws instead of exiting, and says what is wrong in one way. Set on each: commander copies settings when a command is made. */
function quiet(command: Command): void {
  command.exitOverride().configureOutput({
    outputError: (text, write) => {
      const { colour, symbol } = lookOf(process.stderr, process.env);
      const [what = '', ...hints] = text
        .replace(/^error: /, '')
        .trim()
        .split('\n');
      const message = [what, ...hints].join(' ');
      const next = `${pathOf(command)} --help`;
      if (process.argv.includes('--json'))
        return write(`${JSON.stringify({ error: { code: 'usage', message, next, exitCode: 2 } })}\n`);
      write(`${colour.red(symbol.failed)} ${message}\n  ${colour.dim('next:')} ${next}\n`);
    },
  });
  for (const child of command.commands) quiet(child);
}

const pathOf = (command: Command): string =>
  command.parent === null ? './millwright' : `${pathOf(command.parent)} ${command.name()}`;

/** `run`, and in its description the verbs: the whole command line on one screen, 80 columns wide. */
function termOf(command: Command): string {
  const words = command.registeredArguments.map((argument) =>
    argument.required ? `<${argument.name()}>` : `[${argument.name()}]`,
  );
  return [command.name(), ...words].join(' ');
}

function descriptionOf(command: Command): string {
  const verbs = command.commands.map((verb) => verb.name());
  return verbs.length === 0 ? command.description() : `${command.description()}: ${verbs.join(', ')}`;
}
