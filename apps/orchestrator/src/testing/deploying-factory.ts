import type { TicketKind } from '@millwright/domain';
import { migrateQueue } from '@millwright/queue';
import { testDatabase } from '@millwright/store/testing';
import { commandSite, LAYER, releaseOf } from './command-site.ts';
import { scriptedFactory } from './scripted-factory.ts';
import type { Script } from './scripted-runner.ts';

export type DeployingFactory = Awaited<ReturnType<typeof deployingFactory>>;

/** A scripted factory whose repository `shop` deploys to a command site, at step 6. `yaml` writes its millwright.yaml. */
export async function deployingFactory(
  yaml: (site: ReturnType<typeof commandSite>) => string,
  script: Script = {},
  settings: Parameters<typeof scriptedFactory>[3] = {},
  target?: Parameters<typeof scriptedFactory>[4],
) {
  const db = await testDatabase();
  await migrateQueue(db.url.migrator);
  const site = commandSite();
  const files = {
    'a.txt': 'one\ntwo\nthree\n',
    'package.json': '{"name":"shop"}\n',
    'millwright.yaml': yaml(site),
  };
  const factory = await scriptedFactory(db, files, { release: releaseOf, ...script }, settings, target);
  await factory.factory.store.artifacts.put(LAYER);
  await factory.api('POST', '/repos', { url: factory.remote, name: 'shop' });
  const raised = await factory.api('POST', '/repos/shop/autonomy', { step: 6, reason: 'first step' });

  const runOf = async (ticket: string, nth = 1) => {
    const id = (await factory.api('GET', `/tickets/${ticket}`)).body.runs[nth - 1];
    return id === undefined ? null : (await factory.api('GET', `/runs/${id}`)).body;
  };
  return {
    ...factory,
    db,
    site,
    /** What setting step 6 answered. */
    raised,
    runOf,
    file: async (title: string, kind: TicketKind = 'feature') =>
      (await factory.api('POST', '/tickets', { repo: 'shop', markdown: `# ${title}\n\nplease`, kind })).body
        .id as string,
    ended: (ticket: string, nth = 1) =>
      factory.until(`the end of run ${nth} of ${ticket}`, async () => {
        const run = await runOf(ticket, nth);
        return run?.endedAt ? run : null;
      }),
    async stop() {
      await factory.stop();
      site.close();
      await db.close();
    },
  };
}
