-- A claim's entry is written from arrays too (append_one, 0006): one plan for all of them, as in 0009. A fifth of the server's time for a claim.
alter function millwright.runner_claim(text, text, bytea, bigint, bytea) set plan_cache_mode = force_generic_plan;
