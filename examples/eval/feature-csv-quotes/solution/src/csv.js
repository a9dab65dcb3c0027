const cell = (value) => {
  const text = String(value ?? '');
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
};

/** Rows of values as CSV. */
export const csv = (rows) => rows.map((row) => `${row.map(cell).join(',')}\r\n`).join('');
