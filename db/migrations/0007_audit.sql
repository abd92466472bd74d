-- Indexes that list the audit events of one subject, actor or action in the order of their numbers. All events of a ledger are
-- listed by the primary key.
create index audit_events_subject on audit_events (subject, ledger_id, number);
create index audit_events_actor on audit_events (actor, ledger_id, number) where actor is not null;
create index audit_events_action on audit_events (action, ledger_id, number);
