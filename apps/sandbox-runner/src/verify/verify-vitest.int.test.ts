import { verifies } from './testing/matrix.ts';

verifies('vitest');
