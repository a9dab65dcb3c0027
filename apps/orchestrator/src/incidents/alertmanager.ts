import { z } from 'zod';

// What Alertmanager posts to a webhook receiver (its documentation, `webhook_config`, version 4), as far as it is read. Others may send the
// same. All of it is data from outside: bounded here, and a ticket's text after that.

const Labels = z.record(z.string().max(200), z.string().max(4_000));
const Alert = z.object({
  status: z.enum(['firing', 'resolved']),
  labels: Labels,
  annotations: Labels.default({}),
  startsAt: z.string().max(64),
  generatorURL: z.string().max(2_000).default(''),
});
export const AlertMessage = z.object({
  version: z.literal('4'),
  groupKey: z.string().min(1).max(4_000),
  status: z.enum(['firing', 'resolved']),
  commonLabels: Labels.default({}),
  alerts: z.array(Alert).min(1).max(1_000),
});
export type AlertMessage = z.infer<typeof AlertMessage>;

const SHOWN = 20;

/** The group is the incident, as whoever configured Alertmanager grouped it. Null: nothing fires (any more). */
export function incidentOf(
  message: AlertMessage,
): { fingerprint: string; title: string; text: string; startedAt: number; critical: boolean } | null {
  const firing = message.alerts.filter((alert) => alert.status === 'firing');
  const [first] = firing;
  if (message.status !== 'firing' || first === undefined) return null;
  const name = message.commonLabels.alertname ?? first.labels.alertname ?? 'alert';
  const summary = first.annotations.summary ?? first.annotations.description ?? '';
  const starts = firing
    .map((alert) => Date.parse(alert.startsAt))
    .filter((at) => Number.isFinite(at) && at > 0);
  const shown = firing
    .slice(0, SHOWN)
    .map(({ labels, annotations, startsAt, generatorURL }) =>
      [
        `- since ${startsAt}: ${pairs(labels)}`,
        ...Object.entries(annotations).map(([key, value]) => `  ${key}: ${value}`),
        ...(generatorURL === '' ? [] : [`  ${generatorURL}`]),
      ].join('\n'),
    );
  return {
    fingerprint: `alertmanager/${message.groupKey}`,
    title: `${name}${summary === '' ? '' : `: ${summary}`}`.replaceAll(/\s+/g, ' ').slice(0, 300),
    text: [firing.length === 1 ? '1 alert fires.' : `${firing.length} alerts fire.`, '', ...shown].join('\n'),
    startedAt: starts.length === 0 ? Date.now() : Math.min(...starts),
    // The label and its value are Prometheus's own convention (its documentation, "Alerting rules").
    critical: firing.some((alert) => alert.labels.severity === 'critical'),
  };
}

const pairs = (labels: Record<string, string>): string =>
  Object.entries(labels)
    .map(([key, value]) => `${key}=${value}`)
    .join(', ');
