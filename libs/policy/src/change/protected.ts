import { isTooLong, matchesAny } from './glob.ts';
import { isManifest } from './paths.ts';

// Always protected, whatever a repository's file says: what an agent, an editor, a build server, a container tool, a manager of hooks or a host
// obeys, wherever it lies and in whatever case. A name that begins with a dot is such a file by custom.

const YAML = '{yml,yaml}';
const CONFIG = '{js,cjs,mjs,ts,cts,mts,json,jsonc,json5,yml,yaml,toml}';
const AGENTS =
  '{AGENT,AGENTS,CLAUDE,GEMINI,CODEX,QWEN,COPILOT,CURSOR,WINDSURF,WARP,JULES,CRUSH,GROK,KIRO,CLINE,ROO,AMP,GOOSE,DEVIN,OPENCODE,JUNIE,AIDER,REPLIT,BEST_PRACTICES,CONVENTIONS,GUIDELINES,RULES,SKILL,SKILLS,SOUL,MEMORY,PROMPT,SYSTEM_PROMPT,INSTRUCTIONS,copilot-instructions}';
const GIT_HOOKS =
  '{pre-commit,pre-push,pre-merge-commit,pre-rebase,pre-receive,prepare-commit-msg,commit-msg,post-commit,post-checkout,post-merge,post-receive,post-rewrite,post-update,applypatch-msg,pre-applypatch,post-applypatch,reference-transaction,push-to-checkout,fsmonitor-watchman}';

/** Names and paths, wherever they begin. */
const BY_KIND: Readonly<Record<string, readonly string[]>> = {
  'the factory': ['millwright.yaml', 'millwright.yml', 'CODEOWNERS', 'OWNERS', 'OWNERS_ALIASES'],
  hidden: ['.*', '.*/**'],
  agents: [
    `${AGENTS}.md`,
    `${AGENTS}.*.md`,
    '*.{instructions,prompt,agent,chatmode,mode}.md',
    '*.{mdc,prompty}',
    'llms*.txt',
    '{agents,subagents,skills,prompts}/**/*.{md,txt,yml,yaml,json}',
    'mcp.{json,yml,yaml,toml}',
    'gemini-extension.json',
    'hooks/hooks.json',
    'plugins/*/commands/**/*.{md,toml}',
    '{*.mcp,mcp?config,mcp-servers,claude_desktop_config,opencode,crush}.{json,jsonc}',
    `{aider*,coderabbit,sweep,ellipsis,greptile}.{yml,yaml,json}`,
    `copilot-setup-steps.${YAML}`,
  ],
  editors: [
    '*.{code-workspace,sublime-project,iml,ipr}',
    'nbproject/**',
    'devcontainer*.json',
    `gitpod*.${YAML}`,
  ],
  'build servers': [
    'Jenkinsfile*',
    '*.jenkinsfile',
    `{azure-pipelines,bitbucket-pipelines,appveyor,buildspec,cloudbuild,codefresh,gitlab-ci,pipeline,pipelines}*.${YAML}`,
    `*{gitlab-ci,azure-pipelines,pipeline}.${YAML}`,
    `{wercker,circle,shippable,bamboo,codemagic,bitrise,screwdriver,semaphore,travis,drone,woodpecker,buildkite,cirrus,action,dependabot,mergify,codecov,buddy,gocd,appspec,spinnaker,harness}.${YAML}`,
    'cloudbuild*.json',
    '{azure-pipelines,bamboo-specs,teamcity,tekton,concourse,buildkite,fastlane}/**',
    `ci/**/*.{yml,yaml,sh,py,js,mjs,ts}`,
    '{ci_scripts,zuul.d}/**',
    'dagger.json',
    'Earthfile',
    `renovate{,-config}.${CONFIG}`,
    'sonar-project.properties',
    `release.config.${CONFIG}`,
    'release-please-config.json',
  ],
  containers: [
    '{Dockerfile,Containerfile}*',
    '*.{Dockerfile,Containerfile}',
    '*{Dockerfile,Containerfile}',
    `*compose*.${YAML}`,
    `{stack,*-stack,stack.*,*-stack.*}.${YAML}`,
    'docker-bake*.{hcl,json}',
    'docker-entrypoint*',
    'entrypoint.sh',
    'Dockerrun*.json',
    '{task-definition,taskdef,ecs-task-definition}*.json',
    `{k8s,deployment,service,ingress,configmap,statefulset,daemonset,cronjob,namespace}*.${YAML}`,
    'docker/**/*.{sh,conf,yml,yaml,json}',
    'Vagrantfile',
    'Tiltfile',
    `{skaffold,kustomization,helmfile,werf,garden,okteto,devspace,values}*.${YAML}`,
    `Chart.${YAML}`,
    '*.{nomad,nomad.hcl,container,volume,network,pod,kube,quadlet,nix}',
    '{flake,devbox}.{lock,json}',
    'bunfig.toml',
    'mise*.toml',
    '{k8s,kubernetes,helm,charts,manifests,deploy,deployment,deployments}/**/*.{yml,yaml,json,tpl,sh}',
  ],
  hooks: [
    `{lefthook,lefthook-local}.${CONFIG}`,
    `{husky.config,simple-git-hooks,lint-staged.config,commitlint.config,git-hooks.config}.${CONFIG}`,
    `{pre-commit-config,pre-commit-hooks,overcommit,grumphp}.${YAML}`,
    '{captainhook,prek}.{json,toml}',
    '{githooks,git-hooks,git_hooks}/**',
    GIT_HOOKS,
    `${GIT_HOOKS}.{sh,js,mjs,cjs,py}`,
  ],
  // What is run or loaded without being named by anything that is run.
  'interpreters and builds': [
    '{sitecustomize,usercustomize}.py',
    '*.pth',
    '*.{gyp,gypi,bzl,cmake}',
    '{BUILD,WORKSPACE,MODULE}{,.bazel,.bzlmod}',
    '{CMakeLists.txt,meson.build,SConstruct,SConscript,wscript,configure.ac,configure.in}',
    'build.{rs,zig}',
    'config.ru',
    'buildspec*',
  ],
  hosts: [
    'Procfile*',
    'fly*.toml',
    '{vercel,now,app,static,firebase,host,cdk,scalingo,zeabur,railway,staticwebapp.config,Passengerfile,_routes}.{json,toml,ts}',
    'netlify*.toml',
    'nixpacks.toml',
    'project.toml',
    'wrangler*.{toml,json,jsonc}',
    `{render,heroku,app,cron,dispatch,index,queue,amplify,apprunner,koyeb,kamal,template}.${YAML}`,
    `{app-,Pulumi,serverless,samconfig}*.{yml,yaml,json,toml,js,ts}`,
    'sst.config.*',
    'copilot/**/manifest.yml',
    `_config.${YAML}`,
    `{traefik,envoy}*.{yml,yaml,toml,json}`,
    `{azure,apphosting,apphosting.*}.${YAML}`,
    'cloudformation*.{yml,yaml,json}',
    '*.{bicep,bicepparam}',
    '{function,swa-cli.config,zappa_settings,pm2}.json',
    '{CNAME,_headers,_redirects,_worker.js,captain-definition,web.config}',
    '*.rules',
    '{Caddyfile,Capfile,nginx,haproxy,httpd,apache,supervisord,crontab,cloud-init,user-data,sudoers}*',
    '{redis,postgresql,pg_hba,my,mysqld,php,php-fpm}.{conf,cnf,ini}',
    '*.{service,socket,timer,crontab}',
    `ecosystem.config.${CONFIG}`,
    'gunicorn*.py',
    'uwsgi.ini',
    'config/deploy*.{yml,yaml,rb}',
    'deploy.{sh,py,js,mjs,ts,rb,yml,yaml}',
  ],
};

/** At the root alone: inside of sources these are folders like others. */
const AT_ROOT = ['{deploy,deployment,k8s,kubernetes,ci}/**', 'commands/**/*.{md,toml}'];

/** At the root such a file is what some tool, build server or host obeys, whatever it is called, unless it is named here or says what is depended on. */
const SETTINGS = ['*.{yml,yaml,toml,json,jsonc,json5,ini,cfg,conf,properties}', '*file'];
const NO_SETTINGS = [
  '{data,db,example,fixture,fixtures,sample,schema,seed,seeds,*.schema,asyncapi*,codemeta,jsconfig*,openapi*,swagger*,tsconfig*}.{yml,yaml,json,jsonc}',
  // Infrastructure, which raises by itself (paths.ts).
  '{Makefile,GNUmakefile,justfile,Rakefile,Taskfile,Gruntfile,Gulpfile}',
];

const isSetting = (path: string): boolean =>
  !path.includes('/') && matchesAny(path, SETTINGS) && !matchesAny(path, NO_SETTINGS) && !isManifest(path);

const PROTECTED = [
  ...Object.values(BY_KIND).flatMap((patterns) => patterns.map((pattern) => `**/${pattern}`)),
  ...AT_ROOT,
];

/** True for what is always protected, and for a path that no pattern can be tried on. */
export const isAlwaysProtected = (path: string): boolean =>
  isTooLong(path) || matchesAny(path, PROTECTED) || isSetting(path);
