-- A call of a model is no silence: a runner says what it is about to ask for (turn.asked), and what a runner before it had asked for and took
-- with it (turn.lost). Only the lists of types that a runner, and nobody else, may say are longer; the rest of both functions stays.
do $$
declare
  f regprocedure;
  body text;
begin
  foreach f in array (
    select array_agg(p.oid::regprocedure) from pg_proc p
    where p.pronamespace = 'millwright'::regnamespace and p.proname in ('trail_append', 'runner_append')
  ) loop
    body := pg_get_functiondef(f);
    if position('''turn.recorded''' in body) = 0 then
      raise exception '% does not name the types of a runner', f;
    end if;
    execute replace(body, '''turn.recorded''', '''turn.asked'', ''turn.recorded'', ''turn.lost''');
  end loop;
end $$;
