export { type MemoryTarget, memoryTarget } from './memory-target.ts';
export { clock, IMAGE, memoryJournal, type Stand, stand } from './stand.ts';
