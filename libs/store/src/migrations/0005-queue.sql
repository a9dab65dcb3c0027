-- BullMQ's own schema. Its tables are made by libs/queue's migrateQueue, run by the same role after this history; these defaults
-- then apply, so that both processes can use what that role made and own none of it.
create schema bullmq;
grant usage on schema bullmq to orchestrator, runner;
alter default privileges in schema bullmq grant select, insert, update, delete on tables to orchestrator, runner;
alter default privileges in schema bullmq grant usage, select, update on sequences to orchestrator, runner;
alter default privileges in schema bullmq grant execute on functions to orchestrator, runner;
