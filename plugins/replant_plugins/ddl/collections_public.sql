-- The 20 tables that describe databases.

CREATE SCHEMA collections_public;

CREATE TYPE collections_public.table_category AS ENUM ('core', 'module', 'app');

-- The plural of an English name, near enough to tell that `box` and `boxes`, or `category` and
-- `categories`, are one name: what looks like a plural is left as it is. Only A to Z are folded, by
-- the "C" collation, so that every server gives the same answer.
CREATE FUNCTION collections_public.plural(name text) RETURNS text
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN (
        SELECT
            CASE
                WHEN word ~ '(ss|us|is|x|z|ch|sh)$' THEN word || 'es'
                WHEN word ~ '[^aeiou]y$' THEN pg_catalog.regexp_replace(word, 'y$', 'ies')
                WHEN word ~ 's$' THEN word
                ELSE word || 's'
            END
        FROM (VALUES (pg_catalog.lower(name COLLATE "C"))) AS folded (word)
    );

-- The name of a field without the ending that says which kind of reference it holds.
CREATE FUNCTION collections_public.field_stem(name text) RETURNS text
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN pg_catalog.regexp_replace(
        pg_catalog.lower(name COLLATE "C"), '_(row_id|id|uuid|fk|pk)$', ''
    );

CREATE TABLE collections_public.database (
    id uuid PRIMARY KEY DEFAULT public.uuid_generate_v4(),
    owner_id uuid,
    schema_hash text UNIQUE,
    schema_name text UNIQUE,
    private_schema_name text UNIQUE,
    name text,
    label text,
    hash uuid,
    CONSTRAINT database_name_length CHECK (char_length(name) > 2)
);

CREATE UNIQUE INDEX database_owner_id_plural_key ON collections_public.database
    (owner_id, (md5(collections_public.plural(name))::uuid));

CREATE TABLE collections_public.schema (
    id uuid PRIMARY KEY DEFAULT public.uuid_generate_v4(),
    database_id uuid NOT NULL,
    name text NOT NULL,
    schema_name text NOT NULL UNIQUE,
    label text,
    description text,
    UNIQUE (database_id, name),
    CONSTRAINT schema_name_length CHECK (char_length(name) > 2),
    FOREIGN KEY (database_id) REFERENCES collections_public.database ON DELETE CASCADE
);

CREATE TABLE collections_public."table" (
    id uuid PRIMARY KEY DEFAULT public.uuid_generate_v4(),
    database_id uuid NOT NULL DEFAULT public.uuid_nil(),
    schema_id uuid NOT NULL,
    name text NOT NULL,
    label text,
    description text,
    smart_tags jsonb,
    category collections_public.table_category NOT NULL DEFAULT 'app',
    module text,
    scope integer,
    use_rls boolean NOT NULL DEFAULT false,
    timestamps boolean NOT NULL DEFAULT false,
    peoplestamps boolean NOT NULL DEFAULT false,
    plural_name text,
    singular_name text,
    tags public.citext[] NOT NULL DEFAULT '{}',
    inherits_id uuid,
    UNIQUE (database_id, name),
    FOREIGN KEY (database_id) REFERENCES collections_public.database ON DELETE CASCADE,
    FOREIGN KEY (schema_id) REFERENCES collections_public.schema ON DELETE CASCADE,
    FOREIGN KEY (inherits_id) REFERENCES collections_public."table"
);

CREATE UNIQUE INDEX table_database_id_plural_key ON collections_public."table"
    (database_id, (md5(collections_public.plural(name))::uuid));

CREATE TABLE collections_public.field (
    id uuid PRIMARY KEY DEFAULT public.uuid_generate_v4(),
    database_id uuid NOT NULL DEFAULT public.uuid_nil(),
    table_id uuid NOT NULL,
    name text NOT NULL,
    label text,
    description text,
    smart_tags jsonb,
    is_required boolean NOT NULL DEFAULT false,
    default_value text,
    is_hidden boolean NOT NULL DEFAULT false,
    type public.citext NOT NULL,
    field_order integer NOT NULL DEFAULT 0,
    regexp text,
    chk jsonb,
    chk_expr jsonb,
    min double precision,
    max double precision,
    tags public.citext[] NOT NULL DEFAULT '{}',
    UNIQUE (table_id, name),
    FOREIGN KEY (database_id) REFERENCES collections_public.database ON DELETE CASCADE,
    FOREIGN KEY (table_id) REFERENCES collections_public."table" ON DELETE CASCADE
);

CREATE UNIQUE INDEX field_table_id_stem_key ON collections_public.field
    (table_id, (md5(collections_public.field_stem(name))::uuid));

CREATE TABLE collections_public.extension (
    name text PRIMARY KEY,
    public_schemas text[],
    private_schemas text[]
);

CREATE TABLE collections_public.database_extension (
    name text PRIMARY KEY,
    database_id uuid NOT NULL,
    UNIQUE (database_id, name),
    FOREIGN KEY (name) REFERENCES collections_public.extension ON DELETE CASCADE,
    FOREIGN KEY (database_id) REFERENCES collections_public.database ON DELETE CASCADE
);

CREATE TABLE collections_public.schema_grant (
    id uuid PRIMARY KEY DEFAULT public.uuid_generate_v4(),
    database_id uuid NOT NULL DEFAULT public.uuid_nil(),
    schema_id uuid NOT NULL,
    grantee_name text NOT NULL,
    FOREIGN KEY (database_id) REFERENCES collections_public.database ON DELETE CASCADE,
    FOREIGN KEY (schema_id) REFERENCES collections_public.schema ON DELETE CASCADE
);

CREATE TABLE collections_public.table_grant (
    id uuid PRIMARY KEY DEFAULT public.uuid_generate_v4(),
    database_id uuid NOT NULL DEFAULT public.uuid_nil(),
    table_id uuid NOT NULL,
    privilege text NOT NULL,
    role_name text NOT NULL,
    field_ids uuid[],
    FOREIGN KEY (database_id) REFERENCES collections_public.database ON DELETE CASCADE,
    FOREIGN KEY (table_id) REFERENCES collections_public."table" ON DELETE CASCADE
);

CREATE TABLE collections_public.check_constraint (
    id uuid PRIMARY KEY DEFAULT public.uuid_generate_v4(),
    database_id uuid NOT NULL DEFAULT public.uuid_nil(),
    table_id uuid NOT NULL,
    name text,
    type text,
    field_ids uuid[] NOT NULL,
    expr jsonb,
    UNIQUE (table_id, name),
    CONSTRAINT check_constraint_has_fields CHECK (field_ids <> '{}'),
    FOREIGN KEY (database_id) REFERENCES collections_public.database ON DELETE CASCADE,
    FOREIGN KEY (table_id) REFERENCES collections_public."table" ON DELETE CASCADE
);

CREATE TABLE collections_public.foreign_key_constraint (
    id uuid PRIMARY KEY DEFAULT public.uuid_generate_v4(),
    database_id uuid NOT NULL DEFAULT public.uuid_nil(),
    table_id uuid NOT NULL,
    name text,
    description text,
    smart_tags jsonb,
    type text,
    field_ids uuid[] NOT NULL,
    ref_table_id uuid NOT NULL,
    ref_field_ids uuid[] NOT NULL,
    delete_action character(1) DEFAULT 'c',
    update_action character(1) DEFAULT 'a',
    UNIQUE (table_id, name),
    CONSTRAINT foreign_key_constraint_has_fields CHECK (field_ids <> '{}'),
    CONSTRAINT foreign_key_constraint_has_referenced_fields CHECK (ref_field_ids <> '{}'),
    FOREIGN KEY (database_id) REFERENCES collections_public.database ON DELETE CASCADE,
    FOREIGN KEY (table_id) REFERENCES collections_public."table" ON DELETE CASCADE,
    FOREIGN KEY (ref_table_id) REFERENCES collections_public."table" ON DELETE CASCADE
);

CREATE TABLE collections_public.primary_key_constraint (
    id uuid PRIMARY KEY DEFAULT public.uuid_generate_v4(),
    database_id uuid NOT NULL DEFAULT public.uuid_nil(),
    table_id uuid NOT NULL,
    name text,
    type text,
    field_ids uuid[] NOT NULL,
    UNIQUE (table_id, name),
    CONSTRAINT primary_key_constraint_has_fields CHECK (field_ids <> '{}'),
    FOREIGN KEY (database_id) REFERENCES collections_public.database ON DELETE CASCADE,
    FOREIGN KEY (table_id) REFERENCES collections_public."table" ON DELETE CASCADE
);

CREATE TABLE collections_public.unique_constraint (
    id uuid PRIMARY KEY DEFAULT public.uuid_generate_v4(),
    database_id uuid NOT NULL DEFAULT public.uuid_nil(),
    table_id uuid NOT NULL,
    name text,
    description text,
    smart_tags jsonb,
    type text,
    field_ids uuid[] NOT NULL,
    UNIQUE (table_id, name),
    CONSTRAINT unique_constraint_has_fields CHECK (field_ids <> '{}'),
    FOREIGN KEY (database_id) REFERENCES collections_public.database ON DELETE CASCADE,
    FOREIGN KEY (table_id) REFERENCES collections_public."table" ON DELETE CASCADE
);

CREATE TABLE collections_public.full_text_search (
    id uuid PRIMARY KEY DEFAULT public.uuid_generate_v4(),
    database_id uuid NOT NULL DEFAULT public.uuid_nil(),
    table_id uuid NOT NULL,
    field_id uuid NOT NULL,
    field_ids uuid[] NOT NULL,
    weights text[] NOT NULL,
    langs text[] NOT NULL,
    CONSTRAINT full_text_search_lists_match CHECK (
        cardinality(field_ids) = cardinality(weights)
        AND cardinality(weights) = cardinality(langs)
    ),
    FOREIGN KEY (database_id) REFERENCES collections_public.database ON DELETE CASCADE,
    FOREIGN KEY (table_id) REFERENCES collections_public."table" ON DELETE CASCADE
);

CREATE TABLE collections_public.index (
    id uuid PRIMARY KEY DEFAULT public.uuid_generate_v4(),
    database_id uuid NOT NULL,
    table_id uuid NOT NULL,
    name text NOT NULL DEFAULT '',
    field_ids uuid[],
    include_field_ids uuid[],
    access_method text NOT NULL DEFAULT 'BTREE',
    index_params jsonb,
    where_clause jsonb,
    is_unique boolean NOT NULL DEFAULT false,
    UNIQUE (database_id, name),
    FOREIGN KEY (database_id) REFERENCES collections_public.database ON DELETE CASCADE,
    FOREIGN KEY (table_id) REFERENCES collections_public."table" ON DELETE CASCADE
);

CREATE TABLE collections_public.policy (
    id uuid PRIMARY KEY DEFAULT public.uuid_generate_v4(),
    database_id uuid NOT NULL DEFAULT public.uuid_nil(),
    table_id uuid NOT NULL,
    name text,
    role_name text,
    privilege text,
    permissive boolean DEFAULT true,
    disabled boolean DEFAULT false,
    template text,
    data jsonb,
    UNIQUE (table_id, name),
    FOREIGN KEY (database_id) REFERENCES collections_public.database ON DELETE CASCADE,
    FOREIGN KEY (table_id) REFERENCES collections_public."table" ON DELETE CASCADE
);

CREATE TABLE collections_public.limit_function (
    id uuid PRIMARY KEY DEFAULT public.uuid_generate_v4(),
    database_id uuid NOT NULL DEFAULT public.uuid_nil(),
    table_id uuid NOT NULL,
    name text,
    label text,
    description text,
    data jsonb,
    security integer DEFAULT 0,
    UNIQUE (database_id, name),
    FOREIGN KEY (database_id) REFERENCES collections_public.database ON DELETE CASCADE,
    FOREIGN KEY (table_id) REFERENCES collections_public."table" ON DELETE CASCADE
);

CREATE TABLE collections_public.rls_function (
    id uuid PRIMARY KEY DEFAULT public.uuid_generate_v4(),
    database_id uuid NOT NULL DEFAULT public.uuid_nil(),
    table_id uuid NOT NULL,
    name text,
    label text,
    description text,
    data jsonb,
    inline boolean DEFAULT false,
    security integer DEFAULT 0,
    UNIQUE (database_id, name),
    FOREIGN KEY (database_id) REFERENCES collections_public.database ON DELETE CASCADE,
    FOREIGN KEY (table_id) REFERENCES collections_public."table" ON DELETE CASCADE
);

CREATE TABLE collections_public.procedure (
    id uuid PRIMARY KEY DEFAULT public.uuid_generate_v4(),
    database_id uuid NOT NULL DEFAULT public.uuid_nil(),
    name text NOT NULL,
    argnames text[],
    argtypes text[],
    argdefaults text[],
    lang_name text,
    definition text,
    UNIQUE (database_id, name),
    FOREIGN KEY (database_id) REFERENCES collections_public.database ON DELETE CASCADE
);

CREATE TABLE collections_public.trigger (
    id uuid PRIMARY KEY DEFAULT public.uuid_generate_v4(),
    database_id uuid NOT NULL DEFAULT public.uuid_nil(),
    table_id uuid NOT NULL,
    name text NOT NULL,
    event text,
    function_name text,
    UNIQUE (table_id, name),
    FOREIGN KEY (database_id) REFERENCES collections_public.database ON DELETE CASCADE,
    FOREIGN KEY (table_id) REFERENCES collections_public."table" ON DELETE CASCADE
);

CREATE TABLE collections_public.trigger_function (
    id uuid PRIMARY KEY DEFAULT public.uuid_generate_v4(),
    database_id uuid NOT NULL,
    name text NOT NULL,
    code text,
    UNIQUE (database_id, name),
    FOREIGN KEY (database_id) REFERENCES collections_public.database ON DELETE CASCADE
);

DO $$
BEGIN
    IF to_regrole('authenticated') IS NOT NULL THEN
        GRANT USAGE ON SCHEMA collections_public TO authenticated;
        GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA collections_public
            TO authenticated;
        -- For tables that the same role adds later.
        ALTER DEFAULT PRIVILEGES IN SCHEMA collections_public
            GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO authenticated;
    END IF;
END
$$;
