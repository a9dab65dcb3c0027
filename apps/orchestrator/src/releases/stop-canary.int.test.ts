import type { RepoName } from '@millwright/domain';
import { migrateQueue } from '@millwright/queue';
import { type TestDatabase, testDatabase } from '@millwright/store/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { consoleOn } from '../testing/console.ts';
import { BAKE_MS, quickCanaries } from '../testing/paced-clock.ts';
import { type RunSeen, type Shop, shop } from '../testing/shop.ts';

// A canary of three steps with real bakes, and a person who says stop. Each ends with users at the good release, one recorded story, and nothing at
// work that is not on the trail.

const SHOP = 'shop' as RepoName;
const STEPS = [10, 50, 100];
let db: TestDatabase;
let at: Shop;
let good: string;
/** Let in before any of the tickets was filed: whom their requester lets in later has a hand in them. */
let ann: { token: string };
let files = 0;
const canaries = quickCanaries();
/** As long as several bakes. */
const bakes = () => canaries.clock.sleep(5 * BAKE_MS);
/** The release that has a share of traffic besides the good one, or all of it before it is promoted. */
const serving = async () => (await at.target.state()).serving;
const status = async () => (await at.api('GET', '/rollbacks?repo=shop')).body[0];
const runOf = async (ticket: string) => {
  const [id] = (await at.api('GET', `/tickets/${ticket}`)).body.runs;
  return id && (await at.api('GET', `/runs/${id}`)).body;
};

beforeAll(async () => {
  db = await testDatabase();
  await migrateQueue(db.url.migrator);
  at = await shop(db, 6, {}, { steps: STEPS, bake: `${BAKE_MS}ms` }, [], canaries);
  ann = await at.enrol('Ann', 'approver');
  // The first release has nobody beside it: its canary has one step.
  good = (await at.ship({ 'src/first.js': 'export const first = 1;\n' })).release;
});
afterAll(async () => {
  await at?.stop();
  await db.close();
});

/** Files a change, and waits until its canary has this share. */
async function canaryAt(percent: number): Promise<{ ticket: string; release: string; run: string }> {
  files += 1;
  canaries.held = percent;
  const ticket = await at.file({ [`src/f${files}.js`]: `export const f${files} = ${files};\n` });
  const canary = await at.until(`a canary at ${percent} %`, async () => {
    const now = (await at.factory.forward.target(SHOP)).canary;
    return now?.percent === percent ? now : null;
  });
  canaries.held = null;
  const run = await runOf(ticket);
  return { ticket, release: canary.release, run: run.id };
}

const usersAt = async (release: string) => expect([...(await serving())]).toEqual([[release, 100]]);
const ended = (ticket: string): Promise<RunSeen> => at.ended(ticket);
const say = (url: string, body: object = {}) => at.api('POST', url, { reason: 'it is slow', ...body });

/** What the trail has of a canary's end, and that nothing of it is open. */
async function oneStory(release: string, end: string): Promise<void> {
  const mine = (await at.trail()).filter(
    (line) => line.stream === 'target/shop' && line.data.release === release,
  );
  expect(mine.filter(({ type }) => type === 'canary.ended').map(({ data }) => data.end)).toEqual([end]);
  const { canary } = await at.factory.forward.target(SHOP);
  expect(canary).toBeNull();
  const open = at.factory.views.open.effects.list().filter((effect) => effect.stream === 'target/shop');
  expect(open).toEqual([]);
}

/** The table's cells in the middle are for `npm test`, those at its first and last share for `npm run test:long`. */
const LONG = { tags: ['long'] };
function atEachShare(name: string, run: (percent: number) => Promise<void>): void {
  test.each([50])(name, run);
  test.each([10, 100])(name, LONG, run);
}

test.each(STEPS)(
  'rollback at %s percent takes the canary back, and leaves the good release and its merge',
  async (percent) => {
    const { ticket, release } = await canaryAt(percent);
    const main = at.main().length;
    const dry = (await say('/rollbacks', { dryRun: true })).body;
    expect(dry).toMatchObject({ from: release, to: good, done: false });
    expect(dry.text).toContain(`the canary ${release} is taken back`);
    expect((await status()).canary).toMatchObject({ release, percent, live: good, held: null });

    const done = await say('/rollbacks');
    await usersAt(good);
    expect(done.body).toMatchObject({ done: true, from: release, to: good, revert: null });
    const run = await ended(ticket);
    expect(run).toMatchObject({ state: 'rolled_back' });
    expect(run.reason).toContain('asked for a rollback: it is slow');
    await usersAt(good);
    expect(at.live()).toBe(good);
    // Its own merge is reverted, and no other.
    expect(at.main()).toHaveLength(main + 1);
    expect(at.main()[0]).toMatch(/^Revert/);
    await oneStory(release, 'taken_back');
    const trail = await at.trail();
    const asked = trail.findLast(({ type }) => type === 'rollback.asked');
    const moved = trail.findLast(
      ({ type, data }) => type === 'target.effect-started' && String(data.effect).startsWith('undo:shift'),
    );
    expect(asked?.position).toBeLessThan(moved?.position ?? 0);
  },
);

atEachShare('abort at %s percent', async (percent) => {
  const { ticket, release } = await canaryAt(percent);
  expect((await say('/targets/shop/abort')).body).toMatchObject({ state: 'taken_back', release, live: good });
  await usersAt(good);
  expect((await ended(ticket)).state).toBe('rolled_back');
  await oneStory(release, 'taken_back');
  expect((await say('/targets/shop/abort')).body).toMatchObject({ code: 'no-canary' });
});

atEachShare('run cancel at %s percent', async (percent) => {
  const { ticket, release, run } = await canaryAt(percent);
  expect((await say(`/runs/${run}/cancel`)).status).toBe(200);
  await usersAt(good);
  expect(await ended(ticket)).toMatchObject({ state: 'cancelled', reason: 'it is slow' });
  expect(at.main()[0]).toMatch(/^Revert/);
  await oneStory(release, 'taken_back');
  expect((await at.api('GET', `/tickets/${ticket}`)).body.state).toBe('closed');
});

for (const how of ['freeze', 'halt', 'halt of its unit'])
  atEachShare(
    `${how} at %s percent holds the canary; it begins anew once it may, and is promoted`,
    async (percent) => {
      const { ticket, release, run } = await canaryAt(percent);
      const said =
        how === 'freeze'
          ? await say('/targets/shop/freeze')
          : await say('/halt', {
              scope: how === 'halt' ? { kind: 'repo', repo: 'shop' } : { kind: 'unit', unit: 'default' },
            });
      await usersAt(good);
      if (how === 'freeze') expect(said.body).toMatchObject({ frozen: true, held: release });
      else expect(said.body).toMatchObject({ stopped: true, running: [] });
      const seen = (await at.api('GET', `/runs/${run}`)).body;
      expect(seen).toMatchObject({ state: 'halted', stop: { by: 'admin' } });
      expect(seen.reason).toContain('admin: it is slow');
      expect((await at.api('GET', `/runs/${run}/why`)).body).toMatchObject({
        state: 'halted',
        next: { acts: expect.arrayContaining([seen.stop.next]) },
      });
      const listed = (await at.api('GET', '/runs')).body.find((one: { id: string }) => one.id === run);
      const { stop } = seen;
      expect(listed).toMatchObject({ state: 'halted', stop });
      expect((await at.api('GET', `/releases/${release}`)).body.stop).toEqual(stop);
      expect((await at.api('GET', `/tickets/${ticket}`)).body).toMatchObject({
        ...{ state: 'halted', stop, next: { who: 'admin', acts: expect.arrayContaining([stop.next]) } },
      });
      expect((await status()).stop).toEqual(stop);
      await bakes();
      await usersAt(good);
      if (how === 'freeze') await say('/targets/shop/thaw');
      else await say('/resume');
      expect((await ended(ticket)).state).toBe('done');
      await usersAt(release);
      const shares = (await at.trail())
        .filter(({ type, data }) => type === 'canary.shifted' && data.release === release)
        .map(({ data }) => data.percent);
      expect(shares.slice(-3)).toEqual(STEPS);
      good = release;
    },
  );

test('pause holds a bake until it is over or lifted, promote ends one for who did not ask for it', async () => {
  const { ticket, release, run } = await canaryAt(10);
  expect((await say('/targets/shop/pause', { ms: 86_400_000 })).body).toMatchObject({
    ...{ state: 'paused', release },
  });
  canaries.quicken();
  await bakes();
  expect((await status()).canary).toMatchObject({ percent: 10, paused: { reason: 'it is slow' } });
  // A pause outlives a hold: what begins anew waits at its first share.
  await say('/targets/shop/freeze');
  await say('/targets/shop/thaw');
  await at.until('its canary anew', async () => (await status()).canary?.percent === 10);
  await bakes();
  expect((await status()).canary).toMatchObject({ percent: 10, paused: { reason: 'it is slow' } });
  // The requester's own word counts for nothing here.
  expect((await say('/targets/shop/promote')).body).toMatchObject({ code: 'forbidden' });
  const early = await at.api('POST', '/targets/shop/promote', { reason: 'seen' }, ann.token);
  expect(early.body).toMatchObject({ state: 'promoting' });
  expect((await ended(ticket)).state).toBe('done');
  good = release;
  const asked = (await at.trail()).filter(
    ({ type, data }) => type === 'canary.asked' && data.release === release,
  );
  expect(asked.map(({ data }) => data.ask)).toEqual(['pause', 'promote']);
  expect(
    (await at.api('GET', `/runs/${run}/why`)).body.because.map(({ text }: { text: string }) => text),
  ).toEqual(expect.arrayContaining([expect.stringContaining('paused the canary')]));
});

test('a halt of a unit stops no other, holds what is moved into it, and lets nothing be moved out', async () => {
  const unit = 'payments';
  const scope = { kind: 'unit', unit };
  expect((await say('/units', { name: unit })).status).toBe(201);
  const { ticket, release } = await canaryAt(10);
  expect((await say('/halt', { scope })).body).toMatchObject({ stopped: true, running: [] });
  expect((await status()).canary).toMatchObject({ release, percent: 10, held: null });
  canaries.held = 10;
  expect((await say('/repos/shop/unit', { unit })).body).toMatchObject({ unit });
  await at.until('the canary held', async () => (await serving()).get(good as never) === 100);
  await at.until('what holds it', async () => (await status()).canary?.held !== null);
  expect((await status()).stop).toMatchObject({
    by: 'admin',
    next: { act: 'resume', scope },
  });
  expect((await say('/repos/shop/unit', { unit: 'default' })).body).toMatchObject({
    ...{ code: 'still-halted', acts: [{ act: 'resume', scope }] },
  });
  canaries.held = null;
  expect((await say('/resume', { scope })).body.halts).toEqual([]);
  expect((await ended(ticket)).state).toBe('done');
  await usersAt(release);
  good = release;
  expect((await say('/repos/shop/unit', { unit: 'default' })).body).toMatchObject({ unit: 'default' });
  const nobody = await say('/halt', { scope: { kind: 'unit', unit: 'paiments' } });
  expect(nobody.body).toMatchObject({ detail: 'there is no unit paiments', acts: [{ act: 'list-units' }] });
});

test('a halt of a repository that is none is refused: it would stop nothing', async () => {
  const halted = await say('/halt', { scope: { kind: 'repo', repo: 'shpo' } });
  expect(halted.body).toMatchObject({ detail: 'there is no repository shpo; did you mean shop?' });
  expect((await at.api('GET', '/halts')).body.halts).toEqual([]);
});

test('a halt that somebody resumes before it has its answer does not say that it is in force, or that anything stopped', async () => {
  let told = (): void => undefined;
  const ends = new Promise<void>((resolve) => {
    told = resolve;
  });
  const act = { action: 'stage', repo: SHOP, model: null } as const;
  const slow = at.factory.forward.during(act, 'a stage that ends late', () => ends);
  const halting = say('/halt');
  await at.until('it to be halted', async () => (await at.api('GET', '/halts')).body.halts.length === 1);
  await say('/resume');
  expect((await halting).body).toMatchObject({ halts: [], stopped: false, running: [] });
  told();
  await slow;
});

test('a pause of no time lets the canary go on, and says so', async () => {
  const { ticket, release } = await canaryAt(10);
  await say('/targets/shop/pause', { ms: 86_400_000 });
  expect((await say('/targets/shop/pause', { ms: 0 })).body.text).toContain(
    `${release} is not paused any more: it goes on from 10 % of traffic`,
  );
  canaries.quicken();
  expect((await ended(ticket)).state).toBe('done');
  good = release;
});

test('a rollback names neither a canary as where to go, nor says of it that it never served', async () => {
  const { ticket, release } = await canaryAt(10);
  expect((await say('/rollbacks', { release })).body).toMatchObject({
    code: 'nothing-to-roll-back',
    detail: expect.stringContaining('is the canary under way'),
    acts: [
      { act: 'abort-canary', repo: 'shop', to: 'to take it back' },
      { act: 'promote-canary', repo: 'shop', to: 'to end its bake' },
    ],
  });
  // By name, the live one: the same as without.
  expect((await say('/rollbacks', { release: good })).body).toMatchObject({ from: release, to: good });
  expect((await ended(ticket)).state).toBe('rolled_back');
  await usersAt(good);
});

test('two who go back at once go back once, with a canary and without', async () => {
  // Another good one, so that there is more than one to go back to.
  const next = await canaryAt(10);
  canaries.quicken();
  expect((await ended(next.ticket)).state).toBe('done');
  const main = at.main().length;
  const both = await Promise.all([say('/rollbacks'), say('/rollbacks')]);
  for (const { body } of both) expect(body).toMatchObject({ done: true, from: next.release, to: good });
  await usersAt(good);
  expect(at.live()).toBe(good);
  // One revert, and none of what is live.
  expect(at.main()).toHaveLength(main + 1);
  // Late, with what it has seen.
  const late = await say('/rollbacks', { repo: 'shop', from: next.release });
  expect(late.body).toMatchObject({ done: true, to: good, text: expect.stringContaining('any more') });
  await usersAt(good);

  const { ticket, release } = await canaryAt(50);
  const asked = { repo: 'shop', from: release };
  const three = await Promise.all([
    say('/rollbacks', asked),
    say('/targets/shop/abort'),
    say('/rollbacks', asked),
  ]);
  for (const nth of [0, 2]) expect(three[nth]?.body).toMatchObject({ done: true, from: release, to: good });
  expect((await ended(ticket)).state).toBe('rolled_back');
  expect((await say('/rollbacks', asked)).body).toMatchObject({ done: true, to: good });
  await usersAt(good);
  expect(at.live()).toBe(good);
  await oneStory(release, 'taken_back');
});

test('a canary that was held since it was seen is taken back by name, and what is live stays', async () => {
  const { ticket, release } = await canaryAt(10);
  expect((await say('/halt')).body).toMatchObject({ stopped: true });
  expect((await say('/rollbacks', { repo: 'shop', from: release })).body).toMatchObject({
    ...{ done: true, from: release, to: good },
  });
  await usersAt(good);
  await say('/resume');
  expect((await ended(ticket)).state).toBe('rolled_back');
  await usersAt(good);
  expect(at.live()).toBe(good);
});

test('an undo of a rollback is held by a halt, begins anew after it, and is taken back by an abort', async () => {
  const next = await canaryAt(10);
  canaries.quicken();
  expect((await ended(next.ticket)).state).toBe('done');
  const [before, after] = [good, next.release];
  await say('/rollbacks');
  await usersAt(before);
  const undo = () => at.api('POST', '/rollbacks/undo', {});
  const at50 = () =>
    at.until('its canary', async () => (await at.factory.forward.target(SHOP)).canary?.percent === 50);
  canaries.held = 50;
  expect((await undo()).body).toMatchObject({ state: 'started', release: after });
  await at50();
  expect((await say('/halt')).body).toMatchObject({ stopped: true });
  await usersAt(before);
  expect((await undo()).body.detail).toContain('is halted');
  await say('/resume');
  await at50();
  expect((await say('/targets/shop/abort')).body).toMatchObject({ state: 'taken_back', live: before });
  await usersAt(before);
  await at.until('its end', async () => (await status()).undo?.state === 'rolled_back');
});

/** What would run, or look like a part of the page, were it anything else than text. */
const HOSTILE = '</td></main><script>document.title = 1</script><img src=x onerror="document.title=1">';

test('in the console a person sees what waits, allows it, and takes the canary back', async () => {
  // Where people allow each merge and each release.
  await at.api('POST', '/repos/shop/autonomy', { step: 5, reason: 'people look first' });
  canaries.held = 50;
  const ticket = await at.file(
    { 'src/seen.js': `export const seen = true;\n// ${HOSTILE}\n` },
    'feature',
    'Show what was seen',
  );
  await at.until('its gate', async () => (await at.api('GET', '/gates')).body.length === 1);
  const { page, faults, barriers, close } = await consoleOn(at.app, ann.token, { width: 390, height: 844 });
  try {
    for (const action of ['merge', 'deploy']) {
      await page.getByRole('link', { name: `Allow the ${action}? Show what was seen` }).click();
      await page.getByRole('heading', { name: `Allow the ${action} of shop?` }).waitFor();
      await page.getByText('export const seen = true;').waitFor();
      await page.getByText(HOSTILE).waitFor();
      if (action === 'merge') expect(await barriers()).toEqual([]);
      await page.getByRole('button', { name: 'Approve' }).click();
      const sheet = page.getByRole('dialog');
      await sheet.getByLabel('Reason').fill('read every line');
      await sheet.getByRole('button', { name: 'Approve' }).click();
      await page.getByRole('banner').getByRole('link', { name: 'Millwright' }).click();
    }
    // Told by the stream of the trail: nobody loads the page again.
    await page.getByText('canary at 50 %').first().waitFor();
    expect(await barriers()).toEqual([]);
    const { release } = (await status()).canary;
    const run = await runOf(ticket);
    expect(run.gates.map((one: { state: string }) => one.state)).toEqual(['allowed', 'allowed', 'allowed']);
    await page.getByRole('link', { name: 'Show what was seen' }).click();
    await page.getByRole('link', { name: 'Diff' }).click();
    await page.getByText('export const seen = true;').waitFor();
    await page.getByRole('link', { name: 'Overview' }).click();
    await page.getByRole('button', { name: 'Take it back' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Take it back now' }).click();
    await page.getByRole('heading', { name: 'Show what was seen' }).waitFor();
    await page.getByText('↩ rolled back').first().waitFor();
    await usersAt(good);
    await oneStory(release, 'taken_back');
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(390);
    // Checked by this browser, and not by who is checked.
    await page.getByRole('link', { name: 'Trail' }).click();
    await page.getByRole('button', { name: 'Verify in this browser' }).click();
    await page.getByText('✓ it verifies').waitFor();
    expect(await barriers()).toEqual([]);
    // By its name in the palette, from whatever page, by keys alone; an act opens what it will do, before it is done.
    await page.keyboard.press('Control+k');
    await page.getByRole('combobox', { name: 'What to find or do' }).fill('freeze shop');
    expect(await barriers()).toEqual([]);
    await page.keyboard.press('Enter');
    await page
      .getByRole('dialog')
      .getByText('./millwright release freeze shop')
      .waitFor({ state: 'attached' });
    await page.getByRole('dialog').getByLabel('Reason').fill('looked at');
    await page.keyboard.press('Control+Enter');
    await at.until('the freeze', async () => (await status()).frozen !== null);
    expect((await status()).frozen).toMatchObject({ who: 'Ann', reason: 'looked at' });
    await say('/targets/shop/thaw');
    // What each page has besides a phone's first five; nothing of it scrolls sideways.
    for (const path of ['runs?view=board', 'figures', 'autonomy', 'budgets', 'policy', 'repositories']) {
      await page.goto(new URL(`/${path}`, page.url()).href);
      await page.locator('main h1').waitFor();
      await page.locator('main .skeleton').first().waitFor({ state: 'detached' });
      expect([path, await barriers(), await page.evaluate('document.documentElement.scrollWidth')]).toEqual([
        ...[path, [], 390],
      ]);
    }
    await page.getByRole('button', { name: 'Find or do' }).click();
    await page.getByRole('combobox', { name: 'What to find or do' }).fill('autonomy');
    await page.keyboard.press('Enter');
    await page.getByRole('button', { name: 'Set the step' }).click();
    await page.getByRole('dialog').getByLabel('Step').selectOption('4');
    await page.getByText('start a run that a trusted person asked for: alone → person').waitFor();
    await page.getByRole('dialog').getByLabel('Reason').fill('people look at all of it');
    await page.getByRole('dialog').getByRole('button', { name: 'Set step 4' }).click();
    await page.getByText('Step 4').first().waitFor();
    expect((await at.api('GET', '/repos')).body[0]).toMatchObject({ name: 'shop', step: 4 });
    expect(faults).toEqual([]);
  } finally {
    canaries.held = null;
    await close();
  }
});
