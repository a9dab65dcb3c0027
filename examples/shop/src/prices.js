// Money is whole cents, always. Prices include the tax.

/** Buying many of one product makes each cheaper: this many per cent off the line, from that many on. */
export const BULK = { from: 10, percent: 5 };

/** What `quantity` of a product cost together, in cents, bulk discount taken off. Half a cent is rounded up. */
export function lineCents(unitCents, quantity) {
  const full = unitCents * quantity;
  if (quantity > BULK.from) return full - Math.floor((full * BULK.percent) / 100);
  return full;
}

/** What the lines cost together, in cents. */
export function totalCents(lines) {
  return lines.reduce((sum, line) => sum + lineCents(line.unitCents, line.quantity), 0);
}

/** `1250` → `€12.50`. */
export function format(cents) {
  const sign = cents < 0 ? '-' : '';
  const abs = Math.abs(cents);
  return `${sign}€${Math.floor(abs / 100)}.${String(abs % 100).padStart(2, '0')}`;
}
