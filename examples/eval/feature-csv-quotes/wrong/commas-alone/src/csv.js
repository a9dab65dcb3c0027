const cell = (value) => {
  const text = String(value ?? '');
  return text.includes(',') ? `"${text}"` : text;
};

/** Rows of values as CSV. */
export const csv = (rows) => rows.map((row) => `${row.map(cell).join(',')}\r\n`).join('');
