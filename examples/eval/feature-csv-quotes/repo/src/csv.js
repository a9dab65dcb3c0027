const cell = (value) => String(value);

/** Rows of values as CSV. */
export const csv = (rows) => rows.map((row) => row.map(cell).join(',')).join('\n');
