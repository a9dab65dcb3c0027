const toProduct = (row) => ({ id: row.id, name: row.name, priceCents: row.price_cents, stock: row.stock });

/** What the shop sells. */
export function createCatalogue(database) {
  const all = database.prepare('SELECT * FROM product ORDER BY name');
  const one = database.prepare('SELECT * FROM product WHERE id = ?');
  return {
    /** Every product, by name. */
    list() {
      return all.all().map(toProduct);
    },
    /** The product of that id, or undefined. */
    find(id) {
      const row = one.get(id);
      return row === undefined ? undefined : toProduct(row);
    },
  };
}
