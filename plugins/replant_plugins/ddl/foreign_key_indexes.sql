-- An index on each foreign key that no index begins with.
DO $$
DECLARE
    wanted record;
BEGIN
    FOR wanted IN
        SELECT k.conrelid::regclass AS relation, a.attname AS name
        FROM pg_constraint AS k
        JOIN pg_attribute AS a ON a.attrelid = k.conrelid AND a.attnum = k.conkey[1]
        WHERE k.contype = 'f'
            AND k.connamespace IN ('collections_public'::regnamespace, 'meta_public'::regnamespace)
            AND NOT EXISTS (
                SELECT FROM pg_index AS i WHERE i.indrelid = k.conrelid AND i.indkey[0] = k.conkey[1]
            )
        ORDER BY k.conrelid::regclass::text, a.attnum
    LOOP
        EXECUTE format('CREATE INDEX ON %s (%I)', wanted.relation, wanted.name);
    END LOOP;
END
$$;
