-- A unit has a stream of its own. For the rest as in 0012.
alter domain millwright.trail_stream drop constraint trail_stream_check;
alter domain millwright.trail_stream add constraint trail_stream_check check (
  value = 'factory'
  or substr(value, 1, position('/' in value)) in ('run/', 'attempt/', 'ticket/', 'repo/', 'target/', 'person/', 'unit/')
    and octet_length(value) - position('/' in value) between 1 and 64
    and substr(value, position('/' in value) + 1) !~ '[^0-9a-z._-]'
);
