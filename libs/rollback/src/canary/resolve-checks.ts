import type { DeployConfig } from '@millwright/domain';
import { type Check, httpCheck, prometheusCheck, type SmokeRun, smokeCheck } from './checks.ts';

/** The checks that a repository's file names. Smoke commands are run by `smoke`; with none they stay inconclusive. */
export const resolveChecks = (config: DeployConfig, smoke: SmokeRun = async () => null): Check[] =>
  config.checks.map((check) => {
    if ('http' in check) return httpCheck(check.http);
    if ('smoke' in check) return smokeCheck(check.smoke, smoke);
    const { prometheus, query, max, min } = check;
    return prometheusCheck({ url: prometheus, query, max, min });
  });
