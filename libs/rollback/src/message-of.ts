/** What is told of what was thrown. */
export const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error));
