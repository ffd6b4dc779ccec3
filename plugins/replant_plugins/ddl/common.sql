-- What both schemas need: citext, the uuid functions, the domains and the roles.
--
-- Every file here is plain ASCII, holds no backslash and names the schema of everything outside
-- pg_catalog, so that it means the same whatever the session is set to.

CREATE EXTENSION IF NOT EXISTS citext WITH SCHEMA public;

-- Where uuid-ossp is already in schema public, its functions are the ones that are used.
DO $$
BEGIN
    IF pg_catalog.to_regprocedure('public.uuid_generate_v4()') IS NULL THEN
        CREATE FUNCTION public.uuid_generate_v4() RETURNS uuid
            LANGUAGE sql VOLATILE PARALLEL SAFE
            RETURN pg_catalog.gen_random_uuid();
    END IF;
    IF pg_catalog.to_regprocedure('public.uuid_nil()') IS NULL THEN
        CREATE FUNCTION public.uuid_nil() RETURNS uuid
            LANGUAGE sql IMMUTABLE PARALLEL SAFE
            RETURN uuid '00000000-0000-0000-0000-000000000000';
    END IF;
END
$$;

CREATE DOMAIN public.attachment AS text
    CONSTRAINT attachment_is_url
    CHECK (VALUE ~* '^https?://[^[:space:]/?#][^[:space:]]*$');

CREATE DOMAIN public.url AS text
    CONSTRAINT url_is_url
    CHECK (VALUE ~* '^https?://[^[:space:]/?#][^[:space:]]*$');

CREATE DOMAIN public.hostname AS text
    CONSTRAINT hostname_is_labels
    CHECK ('.' || VALUE ~ '^([.][A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)+$');

CREATE DOMAIN public.image AS jsonb
    CONSTRAINT image_has_url_and_mime
    CHECK (
        jsonb_typeof(VALUE) = 'object'
        AND VALUE ?& ARRAY['url', 'mime']
        AND jsonb_typeof(VALUE -> 'url') = 'string'
        AND VALUE ->> 'url' ~* '^https?://[^[:space:]/?#][^[:space:]]*$'
    );

CREATE DOMAIN public.upload AS jsonb
    CONSTRAINT upload_has_url_and_mime
    CHECK (
        jsonb_typeof(VALUE) = 'object'
        AND VALUE ?& ARRAY['url', 'mime']
        AND jsonb_typeof(VALUE -> 'url') = 'string'
        AND VALUE ->> 'url' ~* '^https?://[^[:space:]/?#][^[:space:]]*$'
    );

-- Roles belong to the server, not to the database: they may be there already, another deployment
-- may be creating them at this moment, and the current role may be forbidden to. The schemas work
-- without them, so each step that is refused is skipped.
DO $$
DECLARE
    wanted text;
BEGIN
    IF NOT (SELECT rolsuper OR rolcreaterole FROM pg_roles WHERE rolname = current_user) THEN
        RETURN;
    END IF;
    FOREACH wanted IN ARRAY ARRAY['authenticated', 'administrator'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = wanted) THEN
            BEGIN
                EXECUTE format('CREATE ROLE %I NOLOGIN', wanted);
            EXCEPTION WHEN duplicate_object OR unique_violation OR insufficient_privilege THEN
                NULL;
            END;
        END IF;
    END LOOP;
    IF NOT EXISTS (
        SELECT
        FROM pg_auth_members
        WHERE roleid = to_regrole('authenticated') AND member = to_regrole('administrator')
    ) THEN
        BEGIN
            GRANT authenticated TO administrator;
        EXCEPTION WHEN undefined_object OR unique_violation OR insufficient_privilege THEN
            NULL;
        END;
    END IF;
END
$$;
