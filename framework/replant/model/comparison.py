"""Says how a value is compared with the one that it may equal."""

from __future__ import annotations

from attrs import frozen

from replant.model.checked import checked


@frozen(field_transformer=checked)
class Comparison:
    """How a value is compared with the one it may equal: `referenced OPERATOR(schema.name) own`.

    The search path is empty while rows are read, so an operator of an extension's type is found
    by its schema alone.

    Attributes:
        own_type: what the referencing value is cast to first, as `format_type` writes it.
        referenced_type: likewise for the referenced value.
        collation: schema and name, where the two columns' own collations differ.
        converts: whether the cast of the referencing value makes a new value, which may fail.

    """

    schema: str = "pg_catalog"
    operator: str = "="
    own_type: str | None = None
    referenced_type: str | None = None
    collation: tuple[str, str] | None = None
    converts: bool = False


#: Equality of two values of PostgreSQL's own types.
EQUALITY = Comparison()
