-- The 31 tables that say what is done with a database: APIs and sites first, then the modules.

CREATE SCHEMA meta_public;

CREATE TABLE meta_public.apis (
    id uuid PRIMARY KEY DEFAULT public.uuid_generate_v4(),
    database_id uuid NOT NULL,
    name text NOT NULL,
    dbname text NOT NULL DEFAULT current_database(),
    role_name text NOT NULL DEFAULT 'authenticated',
    anon_role text NOT NULL DEFAULT 'anonymous',
    is_public boolean NOT NULL DEFAULT true,
    UNIQUE (database_id, name),
    FOREIGN KEY (database_id) REFERENCES collections_public.database ON DELETE CASCADE
);

CREATE TABLE meta_public.api_extensions (
    id uuid PRIMARY KEY DEFAULT public.uuid_generate_v4(),
    schema_name text,
    database_id uuid NOT NULL,
    api_id uuid NOT NULL,
    UNIQUE (schema_name, api_id),
    FOREIGN KEY (database_id) REFERENCES collections_public.database ON DELETE CASCADE,
    FOREIGN KEY (api_id) REFERENCES meta_public.apis ON DELETE CASCADE
);

CREATE TABLE meta_public.api_modules (
    id uuid PRIMARY KEY DEFAULT public.uuid_generate_v4(),
    database_id uuid NOT NULL,
    api_id uuid NOT NULL,
    name text NOT NULL,
    data json NOT NULL,
    FOREIGN KEY (database_id) REFERENCES collections_public.database ON DELETE CASCADE,
    FOREIGN KEY (api_id) REFERENCES meta_public.apis
);

CREATE TABLE meta_public.api_schemata (
    id uuid PRIMARY KEY DEFAULT public.uuid_generate_v4(),
    database_id uuid NOT NULL,
    schema_id uuid NOT NULL,
    api_id uuid NOT NULL,
    UNIQUE (api_id, schema_id),
    FOREIGN KEY (database_id) REFERENCES collections_public.database ON DELETE CASCADE,
    FOREIGN KEY (schema_id) REFERENCES collections_public.schema ON DELETE CASCADE,
    FOREIGN KEY (api_id) REFERENCES meta_public.apis ON DELETE CASCADE
);

CREATE TABLE meta_public.sites (
    id uuid PRIMARY KEY DEFAULT public.uuid_generate_v4(),
    database_id uuid NOT NULL,
    title text,
    description text,
    og_image public.image,
    favicon public.attachment,
    apple_touch_icon public.image,
    logo public.image,
    dbname text NOT NULL DEFAULT current_database(),
    CONSTRAINT sites_title_length CHECK (char_length(title) <= 120),
    CONSTRAINT sites_description_length CHECK (char_length(description) <= 120),
    FOREIGN KEY (database_id) REFERENCES collections_public.database ON DELETE CASCADE
);

CREATE TABLE meta_public.site_metadata (
    id uuid PRIMARY KEY DEFAULT public.uuid_generate_v4(),
    database_id uuid NOT NULL,
    site_id uuid NOT NULL,
    title text,
    description text,
    og_image public.image,
    CONSTRAINT site_metadata_title_length CHECK (char_length(title) <= 120),
    CONSTRAINT site_metadata_description_length CHECK (char_length(description) <= 120),
    FOREIGN KEY (database_id) REFERENCES collections_public.database ON DELETE CASCADE,
    FOREIGN KEY (site_id) REFERENCES meta_public.sites
);

CREATE TABLE meta_public.site_modules (
    id uuid PRIMARY KEY DEFAULT public.uuid_generate_v4(),
    database_id uuid NOT NULL,
    site_id uuid NOT NULL,
    name text NOT NULL,
    data json NOT NULL,
    FOREIGN KEY (database_id) REFERENCES collections_public.database ON DELETE CASCADE,
    FOREIGN KEY (site_id) REFERENCES meta_public.sites
);

CREATE TABLE meta_public.site_themes (
    id uuid PRIMARY KEY DEFAULT public.uuid_generate_v4(),
    database_id uuid NOT NULL,
    site_id uuid NOT NULL,
    theme jsonb NOT NULL,
    FOREIGN KEY (database_id) REFERENCES collections_public.database ON DELETE CASCADE,
    FOREIGN KEY (site_id) REFERENCES meta_public.sites
);

CREATE TABLE meta_public.apps (
    id uuid PRIMARY KEY DEFAULT public.uuid_generate_v4(),
    database_id uuid NOT NULL,
    site_id uuid NOT NULL UNIQUE,
    name text,
    app_image public.image,
    app_store_link public.url,
    app_store_id text,
    app_id_prefix text,
    play_store_link public.url,
    FOREIGN KEY (database_id) REFERENCES collections_public.database ON DELETE CASCADE,
    FOREIGN KEY (site_id) REFERENCES meta_public.sites
);

CREATE TABLE meta_public.domains (
    id uuid PRIMARY KEY DEFAULT public.uuid_generate_v4(),
    database_id uuid NOT NULL,
    api_id uuid,
    site_id uuid,
    subdomain public.hostname,
    domain public.hostname,
    UNIQUE (subdomain, domain),
    CONSTRAINT domains_api_or_site CHECK (num_nonnulls(api_id, site_id) <= 1),
    FOREIGN KEY (database_id) REFERENCES collections_public.database ON DELETE CASCADE,
    FOREIGN KEY (api_id) REFERENCES meta_public.apis ON DELETE CASCADE,
    FOREIGN KEY (site_id) REFERENCES meta_public.sites ON DELETE CASCADE
);

CREATE TABLE meta_public.rls_module (
    id uuid PRIMARY KEY DEFAULT public.uuid_generate_v4(),
    database_id uuid NOT NULL,
    api_id uuid NOT NULL DEFAULT public.uuid_nil() UNIQUE,
    schema_id uuid NOT NULL DEFAULT public.uuid_nil(),
    private_schema_id uuid NOT NULL DEFAULT public.uuid_nil(),
    tokens_table_id uuid NOT NULL DEFAULT public.uuid_nil(),
    users_table_id uuid NOT NULL DEFAULT public.uuid_nil(),
    authenticate text NOT NULL DEFAULT 'authenticate',
    authenticate_strict text NOT NULL DEFAULT 'authenticate_strict',
    "current_role" text NOT NULL DEFAULT 'current_user',
    current_role_id text NOT NULL DEFAULT 'current_user_id',
    FOREIGN KEY (database_id) REFERENCES collections_public.database ON DELETE CASCADE,
    FOREIGN KEY (api_id) REFERENCES meta_public.apis ON DELETE CASCADE,
    FOREIGN KEY (schema_id) REFERENCES collections_public.schema ON DELETE CASCADE,
    FOREIGN KEY (private_schema_id) REFERENCES collections_public.schema ON DELETE CASCADE,
    FOREIGN KEY (tokens_table_id) REFERENCES collections_public."table" ON DELETE CASCADE,
    FOREIGN KEY (users_table_id) REFERENCES collections_public."table" ON DELETE CASCADE
);

CREATE TABLE meta_public.connected_accounts_module (
    id uuid PRIMARY KEY DEFAULT public.uuid_generate_v4(),
    database_id uuid NOT NULL,
    schema_id uuid NOT NULL DEFAULT public.uuid_nil(),
    private_schema_id uuid NOT NULL DEFAULT public.uuid_nil(),
    table_id uuid NOT NULL DEFAULT public.uuid_nil(),
    owner_table_id uuid NOT NULL DEFAULT public.uuid_nil(),
    table_name text NOT NULL,
    FOREIGN KEY (database_id) REFERENCES collections_public.database ON DELETE CASCADE,
    FOREIGN KEY (schema_id) REFERENCES collections_public.schema ON DELETE CASCADE,
    FOREIGN KEY (private_schema_id) REFERENCES collections_public.schema ON DELETE CASCADE,
    FOREIGN KEY (table_id) REFERENCES collections_public."table" ON DELETE CASCADE,
    FOREIGN KEY (owner_table_id) REFERENCES collections_public."table" ON DELETE CASCADE
);

CREATE TABLE meta_public.crypto_addresses_module (
    id uuid PRIMARY KEY DEFAULT public.uuid_generate_v4(),
    database_id uuid NOT NULL,
    schema_id uuid NOT NULL DEFAULT public.uuid_nil(),
    private_schema_id uuid NOT NULL DEFAULT public.uuid_nil(),
    table_id uuid NOT NULL DEFAULT public.uuid_nil(),
    owner_table_id uuid NOT NULL DEFAULT public.uuid_nil(),
    table_name text NOT NULL,
    crypto_network text NOT NULL DEFAULT 'BTC',
    FOREIGN KEY (database_id) REFERENCES collections_public.database ON DELETE CASCADE,
    FOREIGN KEY (schema_id) REFERENCES collections_public.schema ON DELETE CASCADE,
    FOREIGN KEY (private_schema_id) REFERENCES collections_public.schema ON DELETE CASCADE,
    FOREIGN KEY (table_id) REFERENCES collections_public."table" ON DELETE CASCADE,
    FOREIGN KEY (owner_table_id) REFERENCES collections_public."table" ON DELETE CASCADE
);

CREATE TABLE meta_public.crypto_auth_module (
    id uuid PRIMARY KEY DEFAULT public.uuid_generate_v4(),
    database_id uuid NOT NULL,
    schema_id uuid NOT NULL DEFAULT public.uuid_nil(),
    users_table_id uuid NOT NULL DEFAULT public.uuid_nil(),
    tokens_table_id uuid NOT NULL DEFAULT public.uuid_nil(),
    secrets_table_id uuid NOT NULL DEFAULT public.uuid_nil(),
    addresses_table_id uuid NOT NULL DEFAULT public.uuid_nil(),
    user_field text NOT NULL,
    crypto_network text NOT NULL DEFAULT 'BTC',
    sign_in_request_challenge text NOT NULL DEFAULT 'sign_in_request_challenge',
    sign_in_record_failure text NOT NULL DEFAULT 'sign_in_record_failure',
    sign_up_with_key text NOT NULL DEFAULT 'sign_up_with_key',
    sign_in_with_challenge text NOT NULL DEFAULT 'sign_in_with_challenge',
    FOREIGN KEY (database_id) REFERENCES collections_public.database ON DELETE CASCADE,
    FOREIGN KEY (schema_id) REFERENCES collections_public.schema ON DELETE CASCADE,
    FOREIGN KEY (users_table_id) REFERENCES collections_public."table" ON DELETE CASCADE,
    FOREIGN KEY (tokens_table_id) REFERENCES collections_public."table" ON DELETE CASCADE,
    FOREIGN KEY (secrets_table_id) REFERENCES collections_public."table" ON DELETE CASCADE
);

CREATE TABLE meta_public.default_ids_module (
    id uuid PRIMARY KEY DEFAULT public.uuid_generate_v4(),
    database_id uuid NOT NULL,
    FOREIGN KEY (database_id) REFERENCES collections_public.database ON DELETE CASCADE
);

CREATE TABLE meta_public.denormalized_table_field (
    id uuid PRIMARY KEY DEFAULT public.uuid_generate_v4(),
    database_id uuid NOT NULL,
    table_id uuid NOT NULL,
    field_id uuid NOT NULL,
    set_ids uuid[],
    ref_table_id uuid NOT NULL,
    ref_field_id uuid NOT NULL,
    ref_ids uuid[],
    use_updates boolean NOT NULL DEFAULT true,
    update_defaults boolean NOT NULL DEFAULT true,
    func_name text,
    func_order integer NOT NULL DEFAULT 0,
    FOREIGN KEY (database_id) REFERENCES collections_public.database ON DELETE CASCADE,
    FOREIGN KEY (table_id) REFERENCES collections_public."table" ON DELETE CASCADE,
    FOREIGN KEY (field_id) REFERENCES collections_public.field ON DELETE CASCADE,
    FOREIGN KEY (ref_table_id) REFERENCES collections_public."table" ON DELETE CASCADE,
    FOREIGN KEY (ref_field_id) REFERENCES collections_public.field ON DELETE CASCADE
);

CREATE TABLE meta_public.emails_module (
    id uuid PRIMARY KEY DEFAULT public.uuid_generate_v4(),
    database_id uuid NOT NULL,
    schema_id uuid NOT NULL DEFAULT public.uuid_nil(),
    private_schema_id uuid NOT NULL DEFAULT public.uuid_nil(),
    table_id uuid NOT NULL DEFAULT public.uuid_nil(),
    owner_table_id uuid NOT NULL DEFAULT public.uuid_nil(),
    table_name text NOT NULL,
    FOREIGN KEY (database_id) REFERENCES collections_public.database ON DELETE CASCADE,
    FOREIGN KEY (schema_id) REFERENCES collections_public.schema ON DELETE CASCADE,
    FOREIGN KEY (private_schema_id) REFERENCES collections_public.schema ON DELETE CASCADE,
    FOREIGN KEY (table_id) REFERENCES collections_public."table" ON DELETE CASCADE,
    FOREIGN KEY (owner_table_id) REFERENCES collections_public."table" ON DELETE CASCADE
);

CREATE TABLE meta_public.encrypted_secrets_module (
    id uuid PRIMARY KEY DEFAULT public.uuid_generate_v4(),
    database_id uuid NOT NULL,
    schema_id uuid NOT NULL DEFAULT public.uuid_nil(),
    table_id uuid NOT NULL DEFAULT public.uuid_nil(),
    table_name text NOT NULL DEFAULT 'encrypted_secrets',
    FOREIGN KEY (database_id) REFERENCES collections_public.database ON DELETE CASCADE,
    FOREIGN KEY (schema_id) REFERENCES collections_public.schema ON DELETE CASCADE,
    FOREIGN KEY (table_id) REFERENCES collections_public."table" ON DELETE CASCADE
);

CREATE TABLE meta_public.field_module (
    id uuid PRIMARY KEY DEFAULT public.uuid_generate_v4(),
    database_id uuid NOT NULL,
    private_schema_id uuid NOT NULL DEFAULT public.uuid_nil(),
    table_id uuid NOT NULL DEFAULT public.uuid_nil(),
    field_id uuid NOT NULL DEFAULT public.uuid_nil(),
    data jsonb NOT NULL DEFAULT '{}',
    triggers text[],
    functions text[],
    FOREIGN KEY (database_id) REFERENCES collections_public.database ON DELETE CASCADE,
    FOREIGN KEY (private_schema_id) REFERENCES collections_public.schema ON DELETE CASCADE,
    FOREIGN KEY (table_id) REFERENCES collections_public."table" ON DELETE CASCADE,
    FOREIGN KEY (field_id) REFERENCES collections_public.field ON DELETE CASCADE
);

CREATE TABLE meta_public.invites_module (
    id uuid PRIMARY KEY DEFAULT public.uuid_generate_v4(),
    database_id uuid NOT NULL,
    schema_id uuid NOT NULL DEFAULT public.uuid_nil(),
    private_schema_id uuid NOT NULL DEFAULT public.uuid_nil(),
    emails_table_id uuid NOT NULL DEFAULT public.uuid_nil(),
    users_table_id uuid NOT NULL DEFAULT public.uuid_nil(),
    invites_table_id uuid NOT NULL DEFAULT public.uuid_nil(),
    claimed_invites_table_id uuid NOT NULL DEFAULT public.uuid_nil(),
    invites_table_name text NOT NULL DEFAULT '',
    claimed_invites_table_name text NOT NULL DEFAULT '',
    submit_invite_code_function text NOT NULL DEFAULT '',
    prefix text,
    membership_type integer NOT NULL,
    entity_table_id uuid,
    FOREIGN KEY (database_id) REFERENCES collections_public.database ON DELETE CASCADE,
    FOREIGN KEY (schema_id) REFERENCES collections_public.schema ON DELETE CASCADE,
    FOREIGN KEY (private_schema_id) REFERENCES collections_public.schema ON DELETE CASCADE,
    FOREIGN KEY (emails_table_id) REFERENCES collections_public."table" ON DELETE CASCADE,
    FOREIGN KEY (users_table_id) REFERENCES collections_public."table" ON DELETE CASCADE,
    FOREIGN KEY (invites_table_id) REFERENCES collections_public."table" ON DELETE CASCADE,
    FOREIGN KEY (claimed_invites_table_id) REFERENCES collections_public."table" ON DELETE CASCADE,
    FOREIGN KEY (entity_table_id) REFERENCES collections_public."table" ON DELETE CASCADE
);

CREATE TABLE meta_public.levels_module (
    id uuid PRIMARY KEY DEFAULT public.uuid_generate_v4(),
    database_id uuid NOT NULL,
    schema_id uuid NOT NULL DEFAULT public.uuid_nil(),
    private_schema_id uuid NOT NULL DEFAULT public.uuid_nil(),
    steps_table_id uuid NOT NULL DEFAULT public.uuid_nil(),
    steps_table_name text NOT NULL DEFAULT '',
    achievements_table_id uuid NOT NULL DEFAULT public.uuid_nil(),
    achievements_table_name text NOT NULL DEFAULT '',
    levels_table_id uuid NOT NULL DEFAULT public.uuid_nil(),
    levels_table_name text NOT NULL DEFAULT '',
    level_requirements_table_id uuid NOT NULL DEFAULT public.uuid_nil(),
    level_requirements_table_name text NOT NULL DEFAULT '',
    completed_step text NOT NULL DEFAULT '',
    incompleted_step text NOT NULL DEFAULT '',
    tg_achievement text NOT NULL DEFAULT '',
    tg_achievement_toggle text NOT NULL DEFAULT '',
    tg_achievement_toggle_boolean text NOT NULL DEFAULT '',
    tg_achievement_boolean text NOT NULL DEFAULT '',
    upsert_achievement text NOT NULL DEFAULT '',
    tg_update_achievements text NOT NULL DEFAULT '',
    steps_required text NOT NULL DEFAULT '',
    level_achieved text NOT NULL DEFAULT '',
    prefix text,
    membership_type integer NOT NULL,
    entity_table_id uuid,
    actor_table_id uuid NOT NULL DEFAULT public.uuid_nil(),
    FOREIGN KEY (database_id) REFERENCES collections_public.database ON DELETE CASCADE,
    FOREIGN KEY (schema_id) REFERENCES collections_public.schema ON DELETE CASCADE,
    FOREIGN KEY (private_schema_id) REFERENCES collections_public.schema ON DELETE CASCADE,
    FOREIGN KEY (steps_table_id) REFERENCES collections_public."table" ON DELETE CASCADE,
    FOREIGN KEY (achievements_table_id) REFERENCES collections_public."table" ON DELETE CASCADE,
    FOREIGN KEY (levels_table_id) REFERENCES collections_public."table" ON DELETE CASCADE,
    FOREIGN KEY (level_requirements_table_id)
        REFERENCES collections_public."table" ON DELETE CASCADE,
    FOREIGN KEY (entity_table_id) REFERENCES collections_public."table" ON DELETE CASCADE,
    FOREIGN KEY (actor_table_id) REFERENCES collections_public."table" ON DELETE CASCADE
);

CREATE TABLE meta_public.limits_module (
    id uuid PRIMARY KEY DEFAULT public.uuid_generate_v4(),
    database_id uuid NOT NULL,
    schema_id uuid NOT NULL DEFAULT public.uuid_nil(),
    private_schema_id uuid NOT NULL DEFAULT public.uuid_nil(),
    table_id uuid NOT NULL DEFAULT public.uuid_nil(),
    table_name text NOT NULL DEFAULT '',
    default_table_id uuid NOT NULL DEFAULT public.uuid_nil(),
    default_table_name text NOT NULL DEFAULT '',
    limit_increment_function text NOT NULL DEFAULT '',
    limit_decrement_function text NOT NULL DEFAULT '',
    limit_increment_trigger text NOT NULL DEFAULT '',
    limit_decrement_trigger text NOT NULL DEFAULT '',
    limit_update_trigger text NOT NULL DEFAULT '',
    limit_check_function text NOT NULL DEFAULT '',
    prefix text,
    membership_type integer NOT NULL,
    entity_table_id uuid,
    actor_table_id uuid NOT NULL DEFAULT public.uuid_nil(),
    FOREIGN KEY (database_id) REFERENCES collections_public.database ON DELETE CASCADE,
    FOREIGN KEY (schema_id) REFERENCES collections_public.schema ON DELETE CASCADE,
    FOREIGN KEY (private_schema_id) REFERENCES collections_public.schema ON DELETE CASCADE,
    FOREIGN KEY (table_id) REFERENCES collections_public."table" ON DELETE CASCADE,
    FOREIGN KEY (default_table_id) REFERENCES collections_public."table" ON DELETE CASCADE,
    FOREIGN KEY (entity_table_id) REFERENCES collections_public."table" ON DELETE CASCADE,
    FOREIGN KEY (actor_table_id) REFERENCES collections_public."table" ON DELETE CASCADE
);

CREATE TABLE meta_public.membership_types_module (
    id uuid PRIMARY KEY DEFAULT public.uuid_generate_v4(),
    database_id uuid NOT NULL,
    schema_id uuid NOT NULL DEFAULT public.uuid_nil(),
    table_id uuid NOT NULL DEFAULT public.uuid_nil(),
    table_name text NOT NULL DEFAULT 'membership_types',
    FOREIGN KEY (database_id) REFERENCES collections_public.database ON DELETE CASCADE,
    FOREIGN KEY (schema_id) REFERENCES collections_public.schema ON DELETE CASCADE,
    FOREIGN KEY (table_id) REFERENCES collections_public."table" ON DELETE CASCADE
);

CREATE TABLE meta_public.memberships_module (
    id uuid PRIMARY KEY DEFAULT public.uuid_generate_v4(),
    database_id uuid NOT NULL,
    schema_id uuid NOT NULL DEFAULT public.uuid_nil(),
    private_schema_id uuid NOT NULL DEFAULT public.uuid_nil(),
    memberships_table_id uuid NOT NULL DEFAULT public.uuid_nil(),
    memberships_table_name text NOT NULL DEFAULT '',
    members_table_id uuid NOT NULL DEFAULT public.uuid_nil(),
    members_table_name text NOT NULL DEFAULT '',
    membership_defaults_table_id uuid NOT NULL DEFAULT public.uuid_nil(),
    membership_defaults_table_name text NOT NULL DEFAULT '',
    grants_table_id uuid NOT NULL DEFAULT public.uuid_nil(),
    grants_table_name text NOT NULL DEFAULT '',
    actor_table_id uuid NOT NULL DEFAULT public.uuid_nil(),
    limits_table_id uuid NOT NULL DEFAULT public.uuid_nil(),
    default_limits_table_id uuid NOT NULL DEFAULT public.uuid_nil(),
    permissions_table_id uuid NOT NULL DEFAULT public.uuid_nil(),
    default_permissions_table_id uuid NOT NULL DEFAULT public.uuid_nil(),
    acl_table_id uuid NOT NULL DEFAULT public.uuid_nil(),
    admin_grants_table_id uuid NOT NULL DEFAULT public.uuid_nil(),
    admin_grants_table_name text NOT NULL DEFAULT '',
    owner_grants_table_id uuid NOT NULL DEFAULT public.uuid_nil(),
    owner_grants_table_name text NOT NULL DEFAULT '',
    membership_type integer NOT NULL,
    entity_table_id uuid,
    entity_table_owner_id uuid,
    prefix text,
    actor_mask_check text NOT NULL DEFAULT '',
    actor_perm_check text NOT NULL DEFAULT '',
    entity_ids_by_mask text,
    entity_ids_by_perm text,
    entity_ids_function text,
    FOREIGN KEY (database_id) REFERENCES collections_public.database ON DELETE CASCADE,
    FOREIGN KEY (schema_id) REFERENCES collections_public.schema ON DELETE CASCADE,
    FOREIGN KEY (private_schema_id) REFERENCES collections_public.schema ON DELETE CASCADE,
    FOREIGN KEY (memberships_table_id) REFERENCES collections_public."table" ON DELETE CASCADE,
    FOREIGN KEY (members_table_id) REFERENCES collections_public."table" ON DELETE CASCADE,
    FOREIGN KEY (membership_defaults_table_id)
        REFERENCES collections_public."table" ON DELETE CASCADE,
    FOREIGN KEY (grants_table_id) REFERENCES collections_public."table" ON DELETE CASCADE,
    FOREIGN KEY (actor_table_id) REFERENCES collections_public."table" ON DELETE CASCADE,
    FOREIGN KEY (limits_table_id) REFERENCES collections_public."table" ON DELETE CASCADE,
    FOREIGN KEY (default_limits_table_id) REFERENCES collections_public."table" ON DELETE CASCADE,
    FOREIGN KEY (permissions_table_id) REFERENCES collections_public."table" ON DELETE CASCADE,
    FOREIGN KEY (default_permissions_table_id)
        REFERENCES collections_public."table" ON DELETE CASCADE,
    FOREIGN KEY (acl_table_id) REFERENCES collections_public."table" ON DELETE CASCADE,
    FOREIGN KEY (entity_table_id) REFERENCES collections_public."table" ON DELETE CASCADE,
    FOREIGN KEY (entity_table_owner_id) REFERENCES collections_public.field ON DELETE CASCADE
);

CREATE TABLE meta_public.permissions_module (
    id uuid PRIMARY KEY DEFAULT public.uuid_generate_v4(),
    database_id uuid NOT NULL,
    schema_id uuid NOT NULL DEFAULT public.uuid_nil(),
    private_schema_id uuid NOT NULL DEFAULT public.uuid_nil(),
    table_id uuid NOT NULL DEFAULT public.uuid_nil(),
    table_name text NOT NULL DEFAULT '',
    default_table_id uuid NOT NULL DEFAULT public.uuid_nil(),
    default_table_name text NOT NULL DEFAULT '',
    bitlen integer NOT NULL DEFAULT 24,
    membership_type integer NOT NULL,
    entity_table_id uuid,
    actor_table_id uuid NOT NULL DEFAULT public.uuid_nil(),
    prefix text,
    get_padded_mask text NOT NULL DEFAULT '',
    get_mask text NOT NULL DEFAULT '',
    get_by_mask text NOT NULL DEFAULT '',
    get_mask_by_name text NOT NULL DEFAULT '',
    FOREIGN KEY (database_id) REFERENCES collections_public.database ON DELETE CASCADE,
    FOREIGN KEY (schema_id) REFERENCES collections_public.schema ON DELETE CASCADE,
    FOREIGN KEY (private_schema_id) REFERENCES collections_public.schema ON DELETE CASCADE,
    FOREIGN KEY (table_id) REFERENCES collections_public."table" ON DELETE CASCADE,
    FOREIGN KEY (default_table_id) REFERENCES collections_public."table" ON DELETE CASCADE,
    FOREIGN KEY (entity_table_id) REFERENCES collections_public."table" ON DELETE CASCADE,
    FOREIGN KEY (actor_table_id) REFERENCES collections_public."table" ON DELETE CASCADE
);

CREATE TABLE meta_public.phone_numbers_module (
    id uuid PRIMARY KEY DEFAULT public.uuid_generate_v4(),
    database_id uuid NOT NULL,
    schema_id uuid NOT NULL DEFAULT public.uuid_nil(),
    private_schema_id uuid NOT NULL DEFAULT public.uuid_nil(),
    table_id uuid NOT NULL DEFAULT public.uuid_nil(),
    owner_table_id uuid NOT NULL DEFAULT public.uuid_nil(),
    table_name text NOT NULL,
    FOREIGN KEY (database_id) REFERENCES collections_public.database ON DELETE CASCADE,
    FOREIGN KEY (schema_id) REFERENCES collections_public.schema ON DELETE CASCADE,
    FOREIGN KEY (private_schema_id) REFERENCES collections_public.schema ON DELETE CASCADE,
    FOREIGN KEY (table_id) REFERENCES collections_public."table" ON DELETE CASCADE,
    FOREIGN KEY (owner_table_id) REFERENCES collections_public."table" ON DELETE CASCADE
);

CREATE TABLE meta_public.secrets_module (
    id uuid PRIMARY KEY DEFAULT public.uuid_generate_v4(),
    database_id uuid NOT NULL,
    schema_id uuid NOT NULL DEFAULT public.uuid_nil(),
    table_id uuid NOT NULL DEFAULT public.uuid_nil(),
    table_name text NOT NULL DEFAULT 'secrets',
    FOREIGN KEY (database_id) REFERENCES collections_public.database ON DELETE CASCADE,
    FOREIGN KEY (schema_id) REFERENCES collections_public.schema ON DELETE CASCADE,
    FOREIGN KEY (table_id) REFERENCES collections_public."table" ON DELETE CASCADE
);

CREATE TABLE meta_public.tokens_module (
    id uuid PRIMARY KEY DEFAULT public.uuid_generate_v4(),
    database_id uuid NOT NULL,
    schema_id uuid NOT NULL DEFAULT public.uuid_nil(),
    table_id uuid NOT NULL DEFAULT public.uuid_nil(),
    owned_table_id uuid NOT NULL DEFAULT public.uuid_nil(),
    tokens_default_expiration interval NOT NULL DEFAULT interval '3 days',
    tokens_table text NOT NULL DEFAULT 'api_tokens',
    FOREIGN KEY (database_id) REFERENCES collections_public.database ON DELETE CASCADE,
    FOREIGN KEY (schema_id) REFERENCES collections_public.schema ON DELETE CASCADE,
    FOREIGN KEY (table_id) REFERENCES collections_public."table" ON DELETE CASCADE,
    FOREIGN KEY (owned_table_id) REFERENCES collections_public."table" ON DELETE CASCADE
);

CREATE TABLE meta_public.user_auth_module (
    id uuid PRIMARY KEY DEFAULT public.uuid_generate_v4(),
    database_id uuid NOT NULL,
    schema_id uuid NOT NULL DEFAULT public.uuid_nil(),
    emails_table_id uuid NOT NULL DEFAULT public.uuid_nil(),
    users_table_id uuid NOT NULL DEFAULT public.uuid_nil(),
    secrets_table_id uuid NOT NULL DEFAULT public.uuid_nil(),
    encrypted_table_id uuid NOT NULL DEFAULT public.uuid_nil(),
    tokens_table_id uuid NOT NULL DEFAULT public.uuid_nil(),
    audits_table_id uuid NOT NULL DEFAULT public.uuid_nil(),
    audits_table_name text NOT NULL DEFAULT 'audit_logs',
    sign_in_function text NOT NULL DEFAULT 'login',
    sign_up_function text NOT NULL DEFAULT 'register',
    sign_out_function text NOT NULL DEFAULT 'logout',
    set_password_function text NOT NULL DEFAULT 'set_password',
    reset_password_function text NOT NULL DEFAULT 'reset_password',
    forgot_password_function text NOT NULL DEFAULT 'forgot_password',
    send_verification_email_function text NOT NULL DEFAULT 'send_verification_email',
    verify_email_function text NOT NULL DEFAULT 'verify_email',
    verify_password_function text NOT NULL DEFAULT 'verify_password',
    check_password_function text NOT NULL DEFAULT 'check_password',
    send_account_deletion_email_function text NOT NULL DEFAULT 'send_account_deletion_email',
    delete_account_function text NOT NULL DEFAULT 'confirm_delete_account',
    sign_in_one_time_token_function text NOT NULL DEFAULT 'login_one_time_token',
    one_time_token_function text NOT NULL DEFAULT 'one_time_token',
    extend_token_expires text NOT NULL DEFAULT 'extend_token_expires',
    FOREIGN KEY (database_id) REFERENCES collections_public.database ON DELETE CASCADE,
    FOREIGN KEY (schema_id) REFERENCES collections_public.schema ON DELETE CASCADE,
    FOREIGN KEY (emails_table_id) REFERENCES collections_public."table" ON DELETE CASCADE,
    FOREIGN KEY (users_table_id) REFERENCES collections_public."table" ON DELETE CASCADE,
    FOREIGN KEY (secrets_table_id) REFERENCES collections_public."table" ON DELETE CASCADE,
    FOREIGN KEY (encrypted_table_id) REFERENCES collections_public."table" ON DELETE CASCADE,
    FOREIGN KEY (tokens_table_id) REFERENCES collections_public."table" ON DELETE CASCADE
);

CREATE TABLE meta_public.users_module (
    id uuid PRIMARY KEY DEFAULT public.uuid_generate_v4(),
    database_id uuid NOT NULL,
    schema_id uuid NOT NULL DEFAULT public.uuid_nil(),
    table_id uuid NOT NULL DEFAULT public.uuid_nil(),
    table_name text NOT NULL DEFAULT 'users',
    type_table_id uuid NOT NULL DEFAULT public.uuid_nil(),
    type_table_name text NOT NULL DEFAULT 'role_types',
    FOREIGN KEY (database_id) REFERENCES collections_public.database ON DELETE CASCADE,
    FOREIGN KEY (schema_id) REFERENCES collections_public.schema ON DELETE CASCADE,
    FOREIGN KEY (table_id) REFERENCES collections_public."table" ON DELETE CASCADE,
    FOREIGN KEY (type_table_id) REFERENCES collections_public."table" ON DELETE CASCADE
);

CREATE TABLE meta_public.uuid_module (
    id uuid PRIMARY KEY DEFAULT public.uuid_generate_v4(),
    database_id uuid NOT NULL,
    schema_id uuid NOT NULL DEFAULT public.uuid_nil(),
    uuid_function text NOT NULL DEFAULT 'uuid_generate_v4',
    uuid_seed text NOT NULL,
    FOREIGN KEY (database_id) REFERENCES collections_public.database ON DELETE CASCADE,
    FOREIGN KEY (schema_id) REFERENCES collections_public.schema ON DELETE CASCADE
);

DO $$
BEGIN
    IF to_regrole('administrator') IS NOT NULL THEN
        GRANT USAGE ON SCHEMA meta_public TO administrator;
        GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA meta_public
            TO administrator;
        -- For tables that the same role adds later.
        ALTER DEFAULT PRIVILEGES IN SCHEMA meta_public
            GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO administrator;
    END IF;
END
$$;
