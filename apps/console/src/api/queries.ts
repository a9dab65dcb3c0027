import type { AnswerOf, Given, ListName, RouteName } from '@millwright/api';
import {
  type InfiniteData,
  QueryClient,
  type UseInfiniteQueryResult,
  type UseQueryResult,
  useInfiniteQuery,
  useQuery,
} from '@tanstack/react-query';
import { call, Failed, type Page } from './client.ts';

/** Refused is refused; what is away is asked again until it is back. */
export const queryClient = new QueryClient({
  defaultOptions: {
    queries: {
      retry: (_times, error) => error instanceof Failed && error.kind === 'away',
      retryDelay: (times) => Math.min(250 * 2 ** times, 4_000),
      staleTime: 2_000,
      refetchOnWindowFocus: true,
    },
    mutations: { retry: false },
  },
});

type Options = { enabled?: boolean; refetchInterval?: number | false; gcTime?: number };

/** What a route answers, kept until something on the trail makes it old. */
export function useAnswer<N extends RouteName>(
  name: N,
  given?: Given<N>,
  options: Options = {},
): UseQueryResult<AnswerOf<N>, Failed> {
  return useQuery<AnswerOf<N>, Failed>({
    queryKey: [name, given ?? null],
    queryFn: async () => (await call(name, given)).value,
    ...options,
  });
}

/** A list, a part after the other: the newest first. Each part is oldest first, as it came. */
export function useParts<N extends ListName>(
  name: N,
  query: Record<string, unknown>,
  params?: Record<string, unknown>,
): UseInfiniteQueryResult<InfiniteData<Page<N>>, Failed> {
  return useInfiniteQuery<Page<N>, Failed, InfiniteData<Page<N>>, readonly unknown[], string | null>({
    queryKey: [name, params === undefined ? 'parts' : { params }, query],
    queryFn: ({ pageParam }) =>
      call(name, {
        ...(params === undefined ? {} : { params }),
        query: { ...query, ...(pageParam === null ? {} : { cursor: pageParam }) },
      } as unknown as Given<N>),
    initialPageParam: null,
    getNextPageParam: ({ next }) => next,
  });
}

/** What does not change with each entry of the trail, or costs more than it shows: asked anew in its own time. */
const SLOW = new Set<unknown>([
  'doctor',
  'whoAmI',
  'listPeople',
  'listUnits',
  'showKey',
  'showDiff',
  'showPlan',
  'rollBack',
]);

/** What was read may be old: entries came onto the trail, of these runs (null: of something else). What is looked at is read again. */
export function heard(runs: ReadonlySet<string | null>): void {
  void queryClient.invalidateQueries({
    predicate: ({ queryKey: [name, given] }) => {
      if (SLOW.has(name)) return false;
      const id = (given as { params?: { id?: unknown } } | null)?.params?.id;
      return typeof id === 'string' && id.startsWith('run_') ? runs.has(id) : true;
    },
  });
}

/** After something was done: everything that is looked at is read again. */
export const reread = () => queryClient.invalidateQueries();
