import type { RollbackStatus, RollbackView } from '@millwright/api';
import { expect, it } from 'vitest';
import { lookOf } from '../text/look.ts';
import { rollbackOffers, rollbackPlan, rollbackStatus } from './rollback.ts';

const NOW = 10_000_000_000;
const look = lookOf({ isTTY: false, columns: 120 } as never, { NO_COLOR: '1' });
const served = (release: string, health: 'serves' | 'runs' | 'stopped', title: string) => ({
  release: release as never,
  servedAt: NOW - 3 * 3_600_000,
  tickets: [{ id: 'tkt_00000001' as never, title }],
  health,
});
const status: RollbackStatus = {
  repo: 'shop' as never,
  live: served('rel_live0000', 'serves', 'Search'),
  canary: null,
  stop: null,
  candidates: [served('rel_before00', 'runs', 'Weigh'), served('rel_older000', 'stopped', 'Tax')],
  frozen: null,
  undo: null,
};

it('offers the releases that a rollback may go to, with age, health and tickets', () => {
  const lines = rollbackOffers(look, status, NOW).join('\n');
  expect(lines).toMatch(/shop is served by rel_live0000/);
  expect(lines).toMatch(/1 +rel_before00 +3 h ago +runs, warm +Weigh \(tkt_00000001\)/);
  expect(lines).toMatch(/2 +rel_older000 +3 h ago +stopped, image there +Tax/);
});

it('says what is frozen, what a person must do, and whether one was called', () => {
  const thaw = { act: 'thaw-target' as const, repo: 'shop' };
  const frozen = {
    by: 'factory' as const,
    who: 'factory',
    reason: 'the proxy is gone',
    what: '1. look\n2. thaw',
    acts: [{ act: 'show-targets' as const }, { ...thaw, to: 'when it serves' }],
    at: NOW,
    paged: 'failed' as const,
    also: [{ who: 'Ann', reason: 'the provider is down', at: NOW - 600_000 }],
  };
  const stop = { by: 'factory', reason: frozen.reason, at: NOW, next: thaw };
  const lines = rollbackStatus(look, [{ ...status, frozen, stop }], NOW).join('\n');
  expect(lines.match(/the proxy is gone/g)).toHaveLength(1);
  expect(lines).toMatch(
    /next +\.\/millwright rollback status\n +when it serves: \.\/millwright release thaw shop/,
  );
  expect(lines).toMatch(
    /frozen +by the factory .*the proxy is gone\n +by Ann 10 min ago: the provider is down/,
  );
  expect(lines).toMatch(/1\. look\n +2\. thaw/);
  expect(lines).toMatch(/called +nobody could be called/);
});

it('says what a rollback would change, and where nothing does', () => {
  const view: RollbackView = {
    repo: 'shop' as never,
    from: 'rel_live0000' as never,
    to: 'rel_before00' as never,
    done: false,
    ms: 0,
    text: 'so',
    revert: null,
    plan: {
      code: ['out: abc Search'],
      schema: [],
      configuration: ['env.LOG_LEVEL: debug → info'],
      traffic: ['all of it'],
    },
  };
  const lines = rollbackPlan(look, view).join('\n');
  expect(lines).toMatch(/Traffic\n +all of it/);
  expect(lines).toMatch(/Code\n +out: abc Search/);
  expect(lines).toMatch(/Schema\n +nothing changes/);
  expect(lines).toMatch(/Configuration\n +env\.LOG_LEVEL: debug → info/);
});
