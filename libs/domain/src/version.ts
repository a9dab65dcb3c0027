/** Of this factory, in its own entries, its API and what it attests. */
export const VERSION = '0.1.0';
