import type { CanaryView } from '@millwright/api';
import { useEffect, useRef } from 'react';
import UPlot from 'uplot';
import { addPoint, type Points } from '../words/points.ts';

/** What the proxy counted since this page was opened: the share of requests that failed, of the new release beside the old one. */
export default function CanaryChart({
  figures,
  at,
}: {
  figures: NonNullable<CanaryView['figures']>;
  at: number;
}) {
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<UPlot | null>(null);
  const points = useRef<Points>([]);
  useEffect(() => {
    const box = place.current;
    if (box === null) return;
    const style = getComputedStyle(box);
    const colour = (name: string) => style.getPropertyValue(name).trim();
    // A canvas takes no variables of its page: what they are now.
    const [text, line, fresh, old] = ['--chart-text', '--chart-line', '--chart-new', '--chart-old'].map(
      colour,
    );
    const axis = {
      stroke: text ?? '',
      grid: { stroke: line ?? '', width: 1 },
      ticks: { stroke: line ?? '', width: 1 },
    };
    const made = new UPlot(
      {
        width: box.clientWidth,
        height: 160,
        scales: { y: { range: (_plot, _min, max) => [0, Math.max(1, max)] } },
        axes: [axis, { ...axis, values: (_plot, values) => values.map((value) => `${value} %`) }],
        series: [
          {},
          {
            label: 'new failed',
            stroke: fresh ?? '',
            width: 2,
            value: (_plot, value) => (value == null ? '–' : `${value.toFixed(1)} %`),
          },
          {
            label: 'old failed',
            stroke: old ?? '',
            width: 2,
            dash: [6, 4],
            value: (_plot, value) => (value == null ? '–' : `${value.toFixed(1)} %`),
          },
        ],
      },
      [[], [], []],
      box,
    );
    plot.current = made;
    const resized = new ResizeObserver(() => made.setSize({ width: box.clientWidth, height: 160 }));
    resized.observe(box);
    return () => {
      resized.disconnect();
      made.destroy();
    };
  }, []);
  useEffect(() => {
    points.current = addPoint(points.current, at, figures);
    plot.current?.setData([
      points.current.map((one) => one.at / 1_000),
      points.current.map((one) => one.fresh),
      points.current.map((one) => one.old),
    ]);
  }, [figures, at]);
  return (
    <div
      className="chart"
      ref={place}
      role="img"
      aria-label="Share of requests that failed, new beside old; the figures are told above"
    />
  );
}
