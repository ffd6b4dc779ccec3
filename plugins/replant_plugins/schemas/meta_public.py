"""The 31 tables that say what the platform does with a database: its APIs, sites and modules.

Every row belongs to one database. `dbname` holds the name of the PostgreSQL database that the row
lives in, so on replay it is left to its default, which is the target's own name.
"""

from __future__ import annotations

from replant.host.hookspecs import hookimpl
from replant.model import ByColumn, Registration
from replant_plugins.schemas.declaring import declare

COLUMNS = {
    "api_extensions": """
        id uuid not null, schema_name text, database_id uuid not null, api_id uuid not null
    """,
    "api_modules": """
        id uuid not null, database_id uuid not null, api_id uuid not null, name text not null,
        data json not null
    """,
    "api_schemata": """
        id uuid not null, database_id uuid not null, schema_id uuid not null, api_id uuid not null
    """,
    "apis": """
        id uuid not null, database_id uuid not null, name text not null, dbname text not null,
        role_name text not null, anon_role text not null, is_public boolean not null
    """,
    "apps": """
        id uuid not null, database_id uuid not null, site_id uuid not null, name text,
        app_image public.image, app_store_link public.url, app_store_id text, app_id_prefix text,
        play_store_link public.url
    """,
    "connected_accounts_module": """
        id uuid not null, database_id uuid not null, schema_id uuid not null,
        private_schema_id uuid not null, table_id uuid not null, owner_table_id uuid not null,
        table_name text not null
    """,
    "crypto_addresses_module": """
        id uuid not null, database_id uuid not null, schema_id uuid not null,
        private_schema_id uuid not null, table_id uuid not null, owner_table_id uuid not null,
        table_name text not null, crypto_network text not null
    """,
    "crypto_auth_module": """
        id uuid not null, database_id uuid not null, schema_id uuid not null,
        users_table_id uuid not null, tokens_table_id uuid not null, secrets_table_id uuid not null,
        addresses_table_id uuid not null, user_field text not null, crypto_network text not null,
        sign_in_request_challenge text not null, sign_in_record_failure text not null,
        sign_up_with_key text not null, sign_in_with_challenge text not null
    """,
    "default_ids_module": "id uuid not null, database_id uuid not null",
    "denormalized_table_field": """
        id uuid not null, database_id uuid not null, table_id uuid not null, field_id uuid not null,
        set_ids uuid[], ref_table_id uuid not null, ref_field_id uuid not null, ref_ids uuid[],
        use_updates boolean not null, update_defaults boolean not null, func_name text,
        func_order integer not null
    """,
    "domains": """
        id uuid not null, database_id uuid not null, api_id uuid, site_id uuid,
        subdomain public.hostname, domain public.hostname
    """,
    "emails_module": """
        id uuid not null, database_id uuid not null, schema_id uuid not null,
        private_schema_id uuid not null, table_id uuid not null, owner_table_id uuid not null,
        table_name text not null
    """,
    "encrypted_secrets_module": """
        id uuid not null, database_id uuid not null, schema_id uuid not null,
        table_id uuid not null, table_name text not null
    """,
    "field_module": """
        id uuid not null, database_id uuid not null, private_schema_id uuid not null,
        table_id uuid not null, field_id uuid not null, data jsonb not null, triggers text[],
        functions text[]
    """,
    "invites_module": """
        id uuid not null, database_id uuid not null, schema_id uuid not null,
        private_schema_id uuid not null, emails_table_id uuid not null,
        users_table_id uuid not null, invites_table_id uuid not null,
        claimed_invites_table_id uuid not null, invites_table_name text not null,
        claimed_invites_table_name text not null, submit_invite_code_function text not null,
        prefix text, membership_type integer not null, entity_table_id uuid
    """,
    "levels_module": """
        id uuid not null, database_id uuid not null, schema_id uuid not null,
        private_schema_id uuid not null, steps_table_id uuid not null,
        steps_table_name text not null, achievements_table_id uuid not null,
        achievements_table_name text not null, levels_table_id uuid not null,
        levels_table_name text not null, level_requirements_table_id uuid not null,
        level_requirements_table_name text not null, completed_step text not null,
        incompleted_step text not null, tg_achievement text not null,
        tg_achievement_toggle text not null, tg_achievement_toggle_boolean text not null,
        tg_achievement_boolean text not null, upsert_achievement text not null,
        tg_update_achievements text not null, steps_required text not null,
        level_achieved text not null, prefix text, membership_type integer not null,
        entity_table_id uuid, actor_table_id uuid not null
    """,
    "limits_module": """
        id uuid not null, database_id uuid not null, schema_id uuid not null,
        private_schema_id uuid not null, table_id uuid not null, table_name text not null,
        default_table_id uuid not null, default_table_name text not null,
        limit_increment_function text not null, limit_decrement_function text not null,
        limit_increment_trigger text not null, limit_decrement_trigger text not null,
        limit_update_trigger text not null, limit_check_function text not null, prefix text,
        membership_type integer not null, entity_table_id uuid, actor_table_id uuid not null
    """,
    "membership_types_module": """
        id uuid not null, database_id uuid not null, schema_id uuid not null,
        table_id uuid not null, table_name text not null
    """,
    "memberships_module": """
        id uuid not null, database_id uuid not null, schema_id uuid not null,
        private_schema_id uuid not null, memberships_table_id uuid not null,
        memberships_table_name text not null, members_table_id uuid not null,
        members_table_name text not null, membership_defaults_table_id uuid not null,
        membership_defaults_table_name text not null, grants_table_id uuid not null,
        grants_table_name text not null, actor_table_id uuid not null,
        limits_table_id uuid not null, default_limits_table_id uuid not null,
        permissions_table_id uuid not null, default_permissions_table_id uuid not null,
        acl_table_id uuid not null, admin_grants_table_id uuid not null,
        admin_grants_table_name text not null, owner_grants_table_id uuid not null,
        owner_grants_table_name text not null, membership_type integer not null,
        entity_table_id uuid, entity_table_owner_id uuid, prefix text,
        actor_mask_check text not null, actor_perm_check text not null, entity_ids_by_mask text,
        entity_ids_by_perm text, entity_ids_function text
    """,
    "permissions_module": """
        id uuid not null, database_id uuid not null, schema_id uuid not null,
        private_schema_id uuid not null, table_id uuid not null, table_name text not null,
        default_table_id uuid not null, default_table_name text not null, bitlen integer not null,
        membership_type integer not null, entity_table_id uuid, actor_table_id uuid not null,
        prefix text, get_padded_mask text not null, get_mask text not null,
        get_by_mask text not null, get_mask_by_name text not null
    """,
    "phone_numbers_module": """
        id uuid not null, database_id uuid not null, schema_id uuid not null,
        private_schema_id uuid not null, table_id uuid not null, owner_table_id uuid not null,
        table_name text not null
    """,
    "rls_module": """
        id uuid not null, database_id uuid not null, api_id uuid not null, schema_id uuid not null,
        private_schema_id uuid not null, tokens_table_id uuid not null,
        users_table_id uuid not null, authenticate text not null, authenticate_strict text not null,
        current_role text not null, current_role_id text not null
    """,
    "secrets_module": """
        id uuid not null, database_id uuid not null, schema_id uuid not null,
        table_id uuid not null, table_name text not null
    """,
    "site_metadata": """
        id uuid not null, database_id uuid not null, site_id uuid not null, title text,
        description text, og_image public.image
    """,
    "site_modules": """
        id uuid not null, database_id uuid not null, site_id uuid not null, name text not null,
        data json not null
    """,
    "site_themes": """
        id uuid not null, database_id uuid not null, site_id uuid not null, theme jsonb not null
    """,
    "sites": """
        id uuid not null, database_id uuid not null, title text, description text,
        og_image public.image, favicon public.attachment, apple_touch_icon public.image,
        logo public.image, dbname text not null
    """,
    "tokens_module": """
        id uuid not null, database_id uuid not null, schema_id uuid not null,
        table_id uuid not null, owned_table_id uuid not null,
        tokens_default_expiration interval not null, tokens_table text not null
    """,
    "user_auth_module": """
        id uuid not null, database_id uuid not null, schema_id uuid not null,
        emails_table_id uuid not null, users_table_id uuid not null, secrets_table_id uuid not null,
        encrypted_table_id uuid not null, tokens_table_id uuid not null,
        audits_table_id uuid not null, audits_table_name text not null,
        sign_in_function text not null, sign_up_function text not null,
        sign_out_function text not null, set_password_function text not null,
        reset_password_function text not null, forgot_password_function text not null,
        send_verification_email_function text not null, verify_email_function text not null,
        verify_password_function text not null, check_password_function text not null,
        send_account_deletion_email_function text not null, delete_account_function text not null,
        sign_in_one_time_token_function text not null, one_time_token_function text not null,
        extend_token_expires text not null
    """,
    "users_module": """
        id uuid not null, database_id uuid not null, schema_id uuid not null,
        table_id uuid not null, table_name text not null, type_table_id uuid not null,
        type_table_name text not null
    """,
    "uuid_module": """
        id uuid not null, database_id uuid not null, schema_id uuid not null,
        uuid_function text not null, uuid_seed text not null
    """,
}

REGISTRATIONS = declare(
    "meta_public",
    COLUMNS,
    rows=ByColumn("database_id", scope="database_id"),
    omit={"apis": ("dbname",), "sites": ("dbname",)},
)


@hookimpl
def register_tables() -> tuple[Registration, ...]:
    """Register every table, whether the source has it or not: one that is gone must be noticed."""
    return REGISTRATIONS
