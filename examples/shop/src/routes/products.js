import { BULK, format } from '../prices.js';
import { Problem } from '../problem.js';

const view = (product) => ({ ...product, price: format(product.priceCents), bulk: BULK });

export function productRoutes(catalogue) {
  return [
    {
      method: 'GET',
      path: '/products',
      handle: () => ({ body: { products: catalogue.list().map(view) } }),
    },
    {
      method: 'GET',
      path: '/products/:id',
      handle({ params }) {
        const product = catalogue.find(params.id);
        if (product === undefined) throw new Problem(404, `there is no product ${params.id}`);
        return { body: view(product) };
      },
    },
  ];
}
