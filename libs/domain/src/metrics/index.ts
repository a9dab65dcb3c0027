export { factsOf, OF_RUNS, OF_TARGETS } from './facts.ts';
export { type Metrics, measure, type Quantiles, type Rate } from './measure.ts';
