import { RepoConfigFile } from '@millwright/domain';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { globMatches, isTooLong } from './glob.ts';
import { isAlwaysProtected } from './protected.ts';

describe('globMatches', () => {
  test.each([
    ['migrations/001.sql', 'migrations/**'],
    ['migrations/a/b/c.sql', 'migrations/**'],
    ['migrations/001.sql', 'migrations'],
    ['migrations/001.sql', 'migrations/'],
    ['migrations/001.sql', './migrations/**'],
    ['src/a.js', 'src/*.js'],
    ['a/b/src/x/y.ts', '**/src/**'],
    ['src/x.ts', '**/src/**'],
    ['a/.b/AGENTS.md', '**/AGENTS.md'],
    ['agents.MD', 'AGENTS.md'],
    ['a/b', 'a/**/b'],
    ['a/x/y/b', 'a/**/b'],
    ['docker-compose.prod.yml', 'docker-compose*.yml'],
    ['a1.js', 'a?.js'],
    ['src/auth.ts', 'src/{auth,pay}.ts'],
    ['app/[id]/page.ts', 'app/[id]/**'],
    ['app/(shop)/@cart/page.ts', 'app/(shop)/@cart'],
    ['a+b/$c^/!d|e', 'a+b/$c^/!d|e'],
    ['caf\u0065\u0301/x', 'café/**'],
  ])('%s is under %s', (path, pattern) => {
    expect(globMatches(path, pattern)).toBe(true);
  });

  test.each([
    ['src/deep/a.js', 'src/*.js'],
    ['migrations2/001.sql', 'migrations/**'],
    ['migrations', 'migrations/*'],
    ['a/bb', 'a/?'],
    ['src/a.jsx', 'src/*.js'],
    ['x/CODEOWNERS.txt', '**/CODEOWNERS'],
    ['a/i/page.ts', 'a/[id]/page.ts'],
  ])('%s is not under %s', (path, pattern) => {
    expect(globMatches(path, pattern)).toBe(false);
  });

  test('a path that is too long is told apart, and matches nothing', () => {
    for (const path of ['a'.repeat(256), 'a/'.repeat(64)]) {
      expect(isTooLong(path)).toBe(true);
      expect(globMatches(path, '**')).toBe(false);
    }
  });

  test('every pattern that a file may have stands for itself, whatever it is written with', () => {
    const name = fc.string({ unit: 'grapheme-ascii', minLength: 1, maxLength: 30 });
    fc.assert(
      fc.property(name, (text) => {
        fc.pre(
          !/[*?{}/]/.test(text) &&
            text !== '.' &&
            text !== '..' &&
            RepoConfigFile.safeParse({ protected: [text] }).success,
        );
        expect(globMatches(text, text), text).toBe(true);
        expect(globMatches(`${text}/x`, text), text).toBe(true);
        expect(globMatches(`x${text}`, text), text).toBe(false);
      }),
    );
  });
});

describe('patterns of a repository', () => {
  test.each([
    ['{a,b}'.repeat(20), /three/],
    [`{${'a,'.repeat(40)}a}`, /16 choices/],
    ['{a,{b,c}}', /nests none/],
    ['{a', /closes each/],
    ['**/a/**/b/**/c/**/d/**', /four \*\*/],
    ['{a/b,c}', /holds no \//],
    ['a\\b', /backslash/],
    ['*a*a*a', /two \*/],
    ['a'.repeat(201), /200/],
    ['', /1/],
    ['a\u0000', /control/],
  ])('refuses %.30j', (pattern, message) => {
    expect(RepoConfigFile.safeParse({ protected: [pattern] }).error?.message).toMatch(message);
  });

  test('the slowest that are taken answer for the longest paths', () => {
    const slow = [
      '**/*a*b/**/*a*b/**/*a*b/c',
      '**/*a*b/*a*b/*a*b/*a*b/**/c',
      '*a*b{a,b}{a,b}{a,b}c',
      '**/a/**/a/**/a/b',
    ];
    expect(RepoConfigFile.safeParse({ protected: slow }).success).toBe(true);
    for (const pattern of slow)
      for (const path of [
        'a'.repeat(255),
        `${'ab'.repeat(127)}/`.repeat(63),
        'a/'.repeat(63),
        `${'a'.repeat(254)}b/`.repeat(63),
      ])
        expect(globMatches(path, pattern)).toBe(false);
  });
});

describe('always protected', () => {
  test.each([
    ...[
      'millwright.yaml',
      '.millwright/policy.cedar',
      'CODEOWNERS',
      'docs/CODEOWNERS',
      '.gitattributes',
      'a/.gitmodules',
    ],
    ...[
      'AGENTS.md',
      'pkg/.cfg/CLAUDE.md',
      'GEMINI.md',
      'src/gemini.md',
      'CLAUDE.local.md',
      '.claude/settings.json',
      '.mcp.json',
      'mcp.json',
    ],
    ...[
      '.cursor/rules/a.mdc',
      '.cursorrules',
      '.windsurfrules',
      '.aider.conf.yml',
      'CONVENTIONS.md',
      'opencode.json',
      'x/SKILL.md',
    ],
    ...['api.instructions.md', 'prompts/review.prompt.md', '.github/copilot-instructions.md'],
    ...[
      '.vscode/tasks.json',
      '.idea/workspace.xml',
      'a.code-workspace',
      '.devcontainer/devcontainer.json',
      '.zed/tasks.json',
      '.editorconfig',
    ],
    ...[
      '.github/workflows/ci.yml',
      '.gitlab-ci.yml',
      '.circleci/config.yml',
      'Jenkinsfile',
      'ci/Jenkinsfile.release',
      'azure-pipelines.yml',
    ],
    ...[
      'bitbucket-pipelines.yml',
      'appveyor.yml',
      'buildspec.yml',
      'cloudbuild.yaml',
      '.drone.yml',
      '.woodpecker/a.yml',
      '.buildkite/p.yml',
      'Earthfile',
    ],
    ...['binding.gyp', 'a/sitecustomize.py', 'x.pth', 'BUILD.bazel', 'a/BUILD', 'buildspec.txt', 'config.ru'],
    ...['Dangerfile', 'Brewfile', 'build.rs', 'CMakeLists.txt'],
    ...[
      'Dockerfile',
      'Dockerfile.prod',
      'svc/api.dockerfile',
      'Containerfile',
      'compose.yml',
      'compose.prod.yaml',
      'docker-compose.override.yml',
    ],
    ...[
      'docker-bake.hcl',
      'skaffold.yaml',
      'Tiltfile',
      'Vagrantfile',
      'charts/a/values.yaml',
      'k8s/app.yaml',
      'a/k8s/app.yaml',
      'kustomization.yaml',
    ],
    ...[
      'lefthook.yml',
      '.husky/pre-commit',
      '.pre-commit-config.yaml',
      'lint-staged.config.js',
      '.githooks/pre-push',
      'hooks/pre-commit',
      'githooks/x',
    ],
    ...[
      'Procfile',
      'fly.toml',
      'fly.staging.toml',
      'vercel.json',
      'netlify.toml',
      'render.yaml',
      'railway.json',
      'app.yaml',
      'app.json',
      'heroku.yml',
    ],
    ...[
      'wrangler.toml',
      'firebase.json',
      'serverless.yml',
      'sst.config.ts',
      'public/_headers',
      'Caddyfile',
      'ecosystem.config.js',
      'x.service',
    ],
    ...[
      'config/deploy.yml',
      'deploy/run.sh',
      'deploy.sh',
      'WEB/VERCEL.JSON',
      'a/b/c/DOCKERFILE',
      '.env',
      '.npmrc',
      'a/.x/y',
      'mise.toml',
    ],
    'a/'.repeat(80),
    ...[
      'Dockerrun.aws.json',
      'appspec.yml',
      'deployment.yaml',
      'svc/service.yaml',
      'scripts/pre-commit',
      'tools/commit-msg.sh',
      'bunfig.toml',
      'docker/nginx.conf',
    ],
    ...[
      'traefik.yml',
      'proxy/traefik.toml',
      'proxy/envoy.yaml',
      'docker-stack.yml',
      'swarm/stack.yml',
      'prod-stack.yaml',
    ],
    ...['azure.yaml', 'web/apphosting.yaml', 'apphosting.staging.yaml', 'main.bicep', 'modules/web.bicep'],
    ...[
      'api/hello/function.json',
      'cloudformation.yaml',
      'aws/cloudformation-vpc.json',
      'zappa_settings.json',
    ],
    ...['codeship-services.yml', 'zuul.yaml', 'zuul.d/jobs.yaml', 'bors.toml', 'ci_scripts/ci_post_clone.sh'],
    ...['swa-cli.config.json', 'api/pm2.json', 'ecosystem.config.cjs', 'renovate-config.js'],
    ...[
      'gemini-extension.json',
      'hooks/hooks.json',
      'commands/review.md',
      'commands/git/undo.toml',
      'plugins/a/commands/b.md',
      'RULES.md',
      'docs/GUIDELINES.md',
    ],
    ...['units/db.volume', 'units/shop.network'],
    // Whatever it is called: at the root somebody obeys it.
    ...['biome.json', 'turbo.json', 'some-new-host.yaml', 'Tool.TOML', 'pytest.ini', 'app.properties'],
  ])('%s', (path) => {
    expect(isAlwaysProtected(path)).toBe(true);
  });

  test.each([
    'src/index.ts',
    'README.md',
    'src/deploy/canary.ts',
    'src/hooks/use-cart.ts',
    'src/agents/loop.ts',
    'docs/docker.md',
    'test/a.test.js',
    'src/rules.ts',
    'package.json',
    'package-lock.json',
    'pyproject.toml',
    'tsconfig.json',
    'tsconfig.build.json',
    'openapi.yaml',
    'schema.json',
    'order.schema.json',
    'db.json',
    'src/products.json',
    'src/locales/en.yaml',
    'test/fixtures/order.json',
    'docs/example.toml',
    'docs/commands/run.md',
    'src/commands/run.ts',
    'src/stack.ts',
    'src/function.ts',
  ])('not %s', (path) => {
    expect(isAlwaysProtected(path)).toBe(false);
  });
});
