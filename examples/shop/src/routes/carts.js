import { format, lineCents, totalCents } from '../prices.js';

function view(id, lines) {
  const cents = totalCents(lines);
  return {
    id,
    lines: lines.map(({ product, unitCents, quantity }) => ({
      product: product.id,
      name: product.name,
      quantity,
      unitCents,
      lineCents: lineCents(unitCents, quantity),
    })),
    totalCents: cents,
    total: format(cents),
  };
}

export function cartRoutes(carts) {
  return [
    {
      method: 'POST',
      path: '/carts',
      handle() {
        const id = carts.create();
        return { status: 201, body: view(id, []) };
      },
    },
    {
      method: 'GET',
      path: '/carts/:id',
      handle: ({ params }) => ({ body: view(params.id, carts.lines(params.id)) }),
    },
    {
      method: 'PUT',
      path: '/carts/:id/lines/:product',
      handle({ params, body }) {
        carts.set(params.id, params.product, body.quantity);
        return { body: view(params.id, carts.lines(params.id)) };
      },
    },
  ];
}
