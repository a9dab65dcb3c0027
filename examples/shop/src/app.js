import { createCarts } from './carts.js';
import { createCatalogue } from './catalogue.js';
import { router } from './router.js';
import { cartRoutes } from './routes/carts.js';
import { productRoutes } from './routes/products.js';

/** The shop as a request listener. Everything it needs comes in here; nothing below reads the environment. */
export function createApp({ database }) {
  const catalogue = createCatalogue(database);
  const carts = createCarts(database, catalogue);
  return router([
    { method: 'GET', path: '/healthz', handle: () => ({ body: { ok: catalogue.list().length > 0 } }) },
    ...productRoutes(catalogue),
    ...cartRoutes(carts),
  ]);
}
