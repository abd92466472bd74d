-- A period closes at an instant at least 5 seconds ago. Postings in flight without an effectiveAt count from their created_at,
-- which is later, so that closing a period never refuses them.
create or replace function close_period_forward() returns trigger language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  if new.closed_before is null and old.closed_before is not null
    or new.closed_before not between coalesce(old.closed_before, '0001-01-01 00:00:00+00')
      and clock_timestamp() - interval '5 seconds'
  then
    raise 'a period is closed up to 5 seconds ago at most, and never opened again'
      using errcode = '23514', constraint = 'ledgers_closed_forward';
  end if;
  return new;
end $$;
