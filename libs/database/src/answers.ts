import { connect } from './connect.ts';

/** Whether the database answers anybody within `ms` milliseconds, be it with a refusal: asked over a connection of its own. Never rejects. */
export async function answers(url: string, ms: number): Promise<boolean> {
  const sql = connect(url, { max: 1 });
  let timer: NodeJS.Timeout | undefined;
  const silence = new Promise<false>((resolve) => {
    timer = setTimeout(resolve, ms, false);
  });
  const answer = sql`select 1`.then(
    () => true,
    // What a server says has a severity; what became of a connection has none.
    (error: unknown) => error instanceof Error && 'severity' in error,
  );
  const answered = await Promise.race([answer, silence]);
  clearTimeout(timer);
  sql.end({ timeout: 0 }).catch(() => undefined); // nobody waits for it
  return answered;
}
