import { join } from 'node:path';
import { ROOT } from './place.ts';

export type Probe = { label: string; ask(base: string): Promise<string> };

export type DemoTicket = {
  file: string;
  /** What this ticket is there to show, in a line. */
  shows: string;
  /** How its run must end for the demo to end with 0. A real model may write what the recorded one was made to miss, so it has another list. */
  ends: { recorded: readonly string[]; claude: readonly string[] };
  /** Whether people must be asked on the way. */
  approvals: boolean;
  /** The service's answers before and after. */
  probe: Probe;
};

const ASK_MS = 5_000;

async function body(base: string, path: string, init: RequestInit = {}): Promise<Record<string, unknown>> {
  const response = await fetch(base + path, {
    ...init,
    headers: { 'content-type': 'application/json', connection: 'close' },
    signal: AbortSignal.timeout(ASK_MS),
  });
  return (await response.json()) as Record<string, unknown>;
}

async function tenMugs(base: string): Promise<string> {
  const { id } = await body(base, '/carts', { method: 'POST', body: '{}' });
  const cart = await body(base, `/carts/${id}/lines/mug`, { method: 'PUT', body: '{"quantity":10}' });
  return JSON.stringify(cart.total);
}

const names = (products: unknown): string =>
  JSON.stringify(
    Array.isArray(products) ? products.map((product: { name?: unknown }) => product.name) : products,
  );

const ticket = (name: string) => join(ROOT, 'examples/shop/tickets', name);

export const TICKETS: readonly DemoTicket[] = [
  {
    file: ticket('01-search-and-tax.md'),
    shows: 'two independent tasks, made side by side',
    ends: { recorded: ['done'], claude: ['done'] },
    approvals: false,
    probe: {
      label: 'GET /products?q=storm',
      ask: async (base) => names((await body(base, '/products?q=storm')).products),
    },
  },
  {
    file: ticket('02-bulk-discount.md'),
    shows: 'a first fix that fails the tests, and a second that ships',
    ends: { recorded: ['done'], claude: ['done'] },
    approvals: false,
    probe: { label: 'ten mugs cost', ask: tenMugs },
  },
  {
    file: ticket('03-product-weight.md'),
    shows: 'a protected path: two people must allow it',
    ends: { recorded: ['done'], claude: ['done'] },
    approvals: true,
    probe: {
      label: 'GET /products/kettle: weightGrams',
      ask: async (base) => JSON.stringify((await body(base, '/products/kettle')).weightGrams ?? null),
    },
  },
  {
    file: ticket('04-region.md'),
    shows: 'it passes every test and cannot start where it is deployed: rolled back',
    ends: { recorded: ['rolled_back'], claude: ['rolled_back', 'done'] },
    approvals: false,
    probe: { label: 'GET /healthz', ask: async (base) => JSON.stringify(await body(base, '/healthz')) },
  },
];

/** The answer, or why there is none. Never throws: a service that does not answer is an answer too. */
export async function answerOf(probe: Probe, base: string): Promise<string> {
  try {
    return await probe.ask(base);
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
    const code = cause instanceof Error && 'code' in cause ? cause.code : null;
    return code === 'ECONNREFUSED'
      ? 'nothing is live'
      : `no answer: ${cause instanceof Error ? cause.message : String(cause)}`;
  }
}
