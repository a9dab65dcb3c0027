export { CRITERIA, LADDER } from './criteria.ts';
export { type JudgedCriterion, judgeStep, type LadderPlace, ladderHistory } from './judge.ts';
