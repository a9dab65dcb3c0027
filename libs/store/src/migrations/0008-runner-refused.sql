-- What the database refuses a runner (SQLSTATE 42501) is on the trail too: on the stream of an attempt that it holds, the one place where it
-- may say anything. Only the list of types that runner_append takes is longer.
do $$
declare
  f regprocedure := (
    select p.oid from pg_proc p where p.pronamespace = 'millwright'::regnamespace and p.proname = 'runner_append'
  );
  body text := pg_get_functiondef(f);
begin
  if position('array[''attempt.sandboxed''' in body) = 0 then
    raise exception '% does not name the types of a runner', f;
  end if;
  execute replace(body, 'array[''attempt.sandboxed''', 'array[''database.refused'', ''attempt.sandboxed''');
end $$;
