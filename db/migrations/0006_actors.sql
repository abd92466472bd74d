-- Actors of tokens. See 0002 for the rules of the functions.

-- The service inserts the other columns. It has no privilege for kind, name and created_at, so that it can add no actor of another
-- kind, and none with another name.
alter table actors alter column kind set default 'TOKEN';
alter table actors add constraint actors_name_of_token check (kind <> 'TOKEN' or name = subject);

create function name_actor() returns trigger language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  new.name := coalesce(new.name, new.subject);
  return new;
end $$;

create trigger name_token before insert on actors for each row when (new.kind = 'TOKEN') execute function name_actor();

-- The constraint on the id calls this function as the role that inserts.
grant execute on function actor_id(text, text, text) to tls_app;
grant insert (id, issuer, subject) on actors to tls_app;
