export { type MemoryTarget, memoryTarget } from './memory-target.ts';
export { IMAGE, type Stand, stand } from './stand.ts';
