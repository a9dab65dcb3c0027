import { verifies } from './testing/matrix.ts';

verifies('node');
