import { nanoid } from 'nanoid';
import { Problem } from './problem.js';

const MAX_QUANTITY = 1_000;

/** Shoppers' carts: products and how many of each. Whoever knows a cart's id may change it. */
export function createCarts(database, catalogue) {
  const insert = database.prepare('INSERT INTO cart (id) VALUES (?)');
  const find = database.prepare('SELECT id FROM cart WHERE id = ?');
  const lines = database.prepare(
    'SELECT product_id, quantity FROM cart_line WHERE cart_id = ? ORDER BY product_id',
  );
  const put = database.prepare(
    'INSERT INTO cart_line (cart_id, product_id, quantity) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET quantity = excluded.quantity',
  );
  const remove = database.prepare('DELETE FROM cart_line WHERE cart_id = ? AND product_id = ?');

  function existing(id) {
    if (find.get(id) === undefined) throw new Problem(404, `there is no cart ${id}`);
  }

  return {
    create() {
      const id = nanoid();
      insert.run(id);
      return id;
    },
    /** Lines as `{ product, unitCents, quantity }`. */
    lines(id) {
      existing(id);
      return lines.all(id).map((row) => {
        const product = catalogue.find(row.product_id);
        return { product, unitCents: product.priceCents, quantity: row.quantity };
      });
    },
    /** Sets how many of a product are in the cart; 0 takes it out. */
    set(id, productId, quantity) {
      existing(id);
      if (!Number.isInteger(quantity) || quantity < 0 || quantity > MAX_QUANTITY)
        throw new Problem(422, `a quantity is a whole number from 0 to ${MAX_QUANTITY}`);
      const product = catalogue.find(productId);
      if (product === undefined) throw new Problem(422, `there is no product ${productId}`);
      if (quantity > product.stock)
        throw new Problem(409, `only ${product.stock} of ${product.name} are left`);
      if (quantity === 0) remove.run(id, productId);
      else put.run(id, productId, quantity);
    },
  };
}
