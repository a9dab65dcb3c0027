import { killNow, type Victim } from './processes.ts';
import type { Superuser } from './superuser.ts';

// Kills at an exact place of the trail, without a hook in what ships: a trigger that only the superuser could add holds every later
// append from the moment the wanted entry is committed (`after`), or that very append (`before`: its effect has happened, its record
// has not), until the process was killed and its sessions ended. So no entry lies between the place and the kill, on any machine.

const SETUP = `
create schema if not exists trap;
create table trap.points (
  id integer primary key, type text not null, moment text not null, skip integer not null, xid xid8, position bigint
);
create table trap.released (id integer primary key);
create function trap.spring() returns trigger language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  one trap.points;
  taken boolean := false;
begin
  -- Caught by an append before this one: nothing goes on until the kill.
  for one in select * from trap.points p where p.xid is not null and p.xid <> pg_current_xact_id() loop
    perform trap.hold(one.id);
  end loop;
  for one in select * from trap.points p where p.xid is null and p.type = new.type
    and not exists (select from trap.released r where r.id = p.id) order by p.id loop
    if one.skip > 0 then
      update trap.points p set skip = p.skip - 1 where p.id = one.id;
    elsif taken then
      continue;
    elsif one.moment = 'after' then
      taken := true;
      update trap.points p set xid = pg_current_xact_id(), position = new.position where p.id = one.id;
      perform pg_notify('trap', '');
    else
      taken := true;
      perform pg_advisory_xact_lock(7457, one.id);
      perform trap.hold(one.id);
    end if;
  end loop;
  return new;
end $$;
create function trap.hold(p_id integer) returns void language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  for tries in 1 .. 24000 loop -- a minute
    if exists (select from trap.released r where r.id = p_id) then return; end if;
    perform pg_sleep(0.0025);
  end loop;
end $$;
grant usage on schema trap to public;
grant execute on all functions in schema trap to public;
create trigger trap before insert on millwright.entries for each row execute function trap.spring();
`;

/** `skip`: how many entries of that type pass before it. */
export type Point = { type: string; victim: Victim; moment: 'before' | 'after'; skip?: number };
export const said = ({ type, victim, moment, skip = 0 }: Point): string =>
  `${victim} ${moment} ${type}${skip > 0 ? `#${skip + 1}` : ''}`;

/** A kill that fell: the highest position on the trail at that moment. */
export type Kill = Point & { at: number; head: number };

export class Trap {
  readonly #data: string;
  readonly #database: Superuser;
  #last = 0;

  private constructor(data: string, database: Superuser) {
    this.#data = data;
    this.#database = database;
  }

  static async set(data: string, database: Superuser): Promise<Trap> {
    await database.ask(SETUP);
    return new Trap(data, database);
  }

  /**
   * Arms all points, and does `what` to the process at each while `during` goes on. Those that fell, and what `during` gave.
   * Points of one type are met in their order.
   */
  async during<T>(
    points: readonly Point[],
    during: () => Promise<T>,
    what: (point: Point) => Promise<void> = (point) => this.#kill(point),
  ): Promise<{ kills: Kill[]; value: T }> {
    // Of two points at one entry the one before its record comes first: after that kill it is appended anew.
    const inOrder = points.toSorted((one, other) => other.moment.localeCompare(one.moment));
    const armed = new Map(inOrder.map((point) => [++this.#last, point]));
    for (const [id, { type, moment, skip = 0 }] of armed)
      await this.#database.ask(
        `insert into trap.points (id, type, moment, skip) values (${id}, '${type}', '${moment}', ${skip})`,
      );
    const kills: Kill[] = [];
    if (points.length === 0) return { kills, value: await during() };
    let over = false;
    const watching = (async () => {
      while (!over) {
        for (const id of await this.#caught()) {
          const point = armed.get(id);
          if (point === undefined) throw new Error(`trap ${id} is nobody's`);
          await what(point);
          const [row] = await this.#database.ask(
            'select coalesce(max(position), 0)::int as head from millwright.entries',
          );
          kills.push({ ...point, at: Date.now(), head: Number(row?.head) });
          await this.#database.ask(`insert into trap.released (id) values (${id})`);
        }
        // An entry that is committed is told at once. Before its record its effect has happened already: that may be seen later.
        await this.#database.rung(50);
      }
    })();
    try {
      const value = await Promise.race([during(), watching.then(() => Promise.reject(new Error('over')))]);
      return { kills, value };
    } finally {
      over = true;
      await watching;
      // What was never met must not spring in a later case.
      await this.#database.ask(
        'insert into trap.released (id) select id from trap.points on conflict do nothing',
      );
    }
  }

  async #caught(): Promise<number[]> {
    const rows = await this.#database.ask(
      `select p.id from trap.points p where p.xid is not null and not exists (select from trap.released r where r.id = p.id)
       union select l.objid::int from pg_locks l where l.locktype = 'advisory' and l.granted and l.classid = 7457
         and not exists (select from trap.released r where r.id = l.objid::int)`,
    );
    return rows.map(({ id }) => Number(id));
  }

  async #kill({ victim }: Point): Promise<void> {
    await killNow(this.#data, victim);
    // What it had sent and the database had not done yet dies with it, so that the place is exact.
    await this.#database.ask(
      `select pg_terminate_backend(pid) from pg_stat_activity where usename = '${victim}'`,
    );
  }
}
