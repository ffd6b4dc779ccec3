"""A tenant comes in; its APIs, sites, apps and domains go out as rows of `meta_public`."""

from __future__ import annotations

import json
from collections.abc import Iterator

from replant_plugins.demonstration.awkward import JSON, JSONB, TEXTS, pick
from replant_plugins.demonstration.tenants import Row, Rows, Tenant

_APIS = ("public", "admin", "app")
_SITES = ("www", "blog")


def services(tenant: Tenant) -> Iterator[Rows]:
    """Yield the rows that say under which names a tenant's database is served, and how."""
    yield "meta_public.apis", _apis(tenant)
    yield "meta_public.api_extensions", _api_extensions(tenant)
    yield "meta_public.api_modules", _api_modules(tenant)
    yield "meta_public.api_schemata", _api_schemata(tenant)
    yield "meta_public.sites", _sites(tenant)
    yield "meta_public.site_metadata", _site_metadata(tenant)
    yield "meta_public.site_modules", _site_modules(tenant)
    yield "meta_public.site_themes", _site_themes(tenant)
    yield "meta_public.apps", _apps(tenant)
    yield "meta_public.domains", _domains(tenant)


def _apis(tenant: Tenant) -> Iterator[Row]:
    # `dbname` is left to its default, as the platform leaves it.
    for api in _APIS:
        yield tenant.row("api", api) | {
            "name": api,
            "role_name": "administrator" if api == "admin" else "authenticated",
            "anon_role": f"{tenant.name}_anonymous",
            "is_public": api != "admin",
        }


def _api_extensions(tenant: Tenant) -> Iterator[Row]:
    for api in _APIS:
        for schema in (f"{tenant.name}_extras", None):
            yield tenant.row("api extension", api, schema) | {
                "schema_name": schema,
                "api_id": tenant.key("api", api),
            }


def _api_modules(tenant: Tenant) -> Iterator[Row]:
    for turn, document in enumerate(JSON):
        yield tenant.row("api module", turn) | {
            "api_id": tenant.key("api", pick(_APIS, turn)),
            "name": f"module {turn} of {tenant.title}",
            "data": document,
        }


def _api_schemata(tenant: Tenant) -> Iterator[Row]:
    for api in _APIS:
        for schema in tenant.schemas:
            yield tenant.row("api schema", api, schema) | {
                "schema_id": tenant.schema_id(schema),
                "api_id": tenant.key("api", api),
            }


def _sites(tenant: Tenant) -> Iterator[Row]:
    for turn, site in enumerate(_SITES):
        yield tenant.row("site", site) | {
            "title": f"{tenant.title}: {site}",
            "description": pick(("“Fresh every day” … it's true\\", None), turn),
            "og_image": pick((_image(tenant, "og"), None), turn),
            "favicon": f"https://{tenant.host}/favicon.ico?v=1&it's=%5C",
            "apple_touch_icon": pick((None, _image(tenant, "touch")), turn),
            "logo": _image(tenant, f"logo-{site}"),
        }


def _site_metadata(tenant: Tenant) -> Iterator[Row]:
    for turn, text in enumerate(TEXTS):
        yield tenant.row("site metadata", turn) | {
            "site_id": tenant.key("site", pick(_SITES, turn)),
            "title": text,
            "description": pick((f"About {tenant.title}", None, text.center(120)), turn),
            "og_image": pick((None, _image(tenant, f"og-{turn}")), turn),
        }


def _site_modules(tenant: Tenant) -> Iterator[Row]:
    for turn, document in enumerate(JSON):
        yield tenant.row("site module", turn) | {
            "site_id": tenant.key("site", pick(_SITES, turn)),
            "name": pick(TEXTS, turn),
            "data": document,
        }


def _site_themes(tenant: Tenant) -> Iterator[Row]:
    for turn, document in enumerate(JSONB):
        yield tenant.row("site theme", turn) | {
            "site_id": tenant.key("site", pick(_SITES, turn)),
            "theme": document or json.dumps({"name": tenant.title, "colours": ["#0a5", "#fff"]}),
        }


def _apps(tenant: Tenant) -> Iterator[Row]:
    for turn, site in enumerate(_SITES):
        yield tenant.row("app", site) | {
            "site_id": tenant.key("site", site),
            "name": tenant.title,
            "app_image": _image(tenant, "app"),
            "app_store_link": pick((f"https://apps.{tenant.host}/id{turn}?l=en#top", None), turn),
            "app_store_id": pick((None, "0000123"), turn),
            "app_id_prefix": pick(("A1B2C3", ""), turn),
            "play_store_link": f"http://play.{tenant.host}:8080/store/$$/{site}",
        }


def _domains(tenant: Tenant) -> Iterator[Row]:
    served: tuple[tuple[str | None, str | None, str | None], ...] = (
        ("www", None, "www"),
        (None, None, "blog"),
        ("api", "public", None),
        ("Admin-1", "admin", None),
        ("a.b.c", "app", None),
        ("parked", None, None),
    )
    for subdomain, api, site in served:
        yield tenant.row("domain", subdomain) | {
            "api_id": api and tenant.key("api", api),
            "site_id": site and tenant.key("site", site),
            "subdomain": subdomain,
            "domain": tenant.host,
        }


def _image(tenant: Tenant, name: str) -> str:
    return json.dumps(
        {"url": f"https://cdn.{tenant.host}/{name}.png", "mime": "image/png", "alt": 'a "sign"\n'}
    )
