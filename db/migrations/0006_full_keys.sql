-- Keys that grow at their right end: their pages are filled to the last byte, since almost nothing comes between what is there.
-- Pages that are full already stay as they are; `reindex index concurrently` packs those, too.
alter index transactions_pkey set (fillfactor = 100);
alter index entries_transaction_id_line_ledger_id_key set (fillfactor = 100);
alter index blocks_pkey set (fillfactor = 100);
alter index blocks_last_id_ledger_id_key set (fillfactor = 100);
