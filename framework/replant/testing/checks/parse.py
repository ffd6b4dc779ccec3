"""SQL expressions of CHECK constraints as trees: the text of `pg_get_constraintdef` comes in.

PostgreSQL writes them with every pair of parentheses, so few rules are needed to read them. What is
not read here (CASE, subscripts, window calls) is None: only the server can judge it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from attrs import define

from replant.testing.checks.expressions import Call, Cast, Expression, Literal, Reference


class _UnreadableError(Exception):
    """The text holds what is not read here."""


_TOKENS = re.compile(
    r"""\s*(?:
        (?P<string>[eE]?'(?:[^'\\]|''|\\.)*'|'(?:[^']|'')*')
      | (?P<number>\d+(?:\.\d*)?(?:[eE][+-]?\d+)?|\.\d+)
      | (?P<name>"(?:[^"]|"")+"|[A-Za-z_\x80-\U0010ffff][\w$\x80-\U0010ffff]*)
      | (?P<symbol>::|[()\[\],.]|[-+*/<>=~!@\#%^&|`?]+)
    )""",
    re.VERBOSE,
)

#: How tightly operators bind, the loosest first (manual, "Operator Precedence").
_COMPARISONS = frozenset(("=", "<", ">", "<=", ">=", "<>"))
_WORDS = frozenset(("and", "or", "not", "is", "any", "all", "array", "null", "true", "false"))

#: Names of types that are more than one word.
_LONG_TYPES = (
    "character varying",
    "double precision",
    "bit varying",
    "timestamp without time zone",
    "timestamp with time zone",
    "time without time zone",
    "time with time zone",
)


def read_check(text: str) -> Expression | None:
    """The condition of `CHECK (…)`, or of a bare expression; None if it cannot be read."""
    body = text.removeprefix("CHECK ")
    try:
        return _Reader(list(_tokens(body))).whole()
    except _UnreadableError:
        return None


def _tokens(text: str) -> Iterator[tuple[str, str]]:
    place = 0
    while place < len(text.rstrip()):
        found = _TOKENS.match(text, place)
        if found is None or found.lastgroup is None:
            raise _UnreadableError
        yield found.lastgroup, found[found.lastgroup]
        place = found.end()


@define
class _Reader:
    """A parser by recursive descent; each method reads what binds more tightly than the last."""

    tokens: list[tuple[str, str]]
    place: int = 0

    def whole(self) -> Expression:
        """All of it, but for words such as NOT VALID that follow the condition."""
        read = self._any_of()
        if self.place < len(self.tokens) and self.tokens[self.place][0] != "name":
            raise _UnreadableError
        return read

    def _peek(self) -> str:
        """The next token; a word in lower case, a quoted name as it is."""
        if self.place >= len(self.tokens):
            return ""
        kind, text = self.tokens[self.place]
        return text.lower() if kind == "name" and text[0] != '"' else text

    def _next(self) -> tuple[str, str]:
        if self.place >= len(self.tokens):
            raise _UnreadableError
        self.place += 1
        return self.tokens[self.place - 1]

    def _take(self, *texts: str) -> bool:
        """Go on if these come next."""
        start = self.place
        for text in texts:
            if self._peek() != text:
                self.place = start
                return False
            self.place += 1
        return True

    def _expect(self, text: str) -> None:
        if not self._take(text):
            raise _UnreadableError

    def _any_of(self) -> Expression:
        parts = [self._all_of()]
        while self._take("or"):
            parts.append(self._all_of())
        return parts[0] if len(parts) == 1 else Call("or", tuple(parts))

    def _all_of(self) -> Expression:
        parts = [self._negated()]
        while self._take("and"):
            parts.append(self._negated())
        return parts[0] if len(parts) == 1 else Call("and", tuple(parts))

    def _negated(self) -> Expression:
        if self._take("not"):
            return Call("not", (self._negated(),))
        return self._tested()

    def _tested(self) -> Expression:
        value = self._compared()
        while self._take("is"):
            negated = self._take("not")
            word = self._next()[1].lower()
            if word not in ("null", "true", "false"):
                raise _UnreadableError
            value = Call(f"is {word}", (value,))
            value = Call("not", (value,)) if negated else value
        return value

    def _compared(self) -> Expression:
        value = self._operated()
        while self._peek() in _COMPARISONS:
            value = self._with_right(value, self._next()[1])
        return value

    def _with_right(self, left: Expression, operator: str) -> Expression:
        for word in ("any", "all"):
            if self._take(word, "("):
                argument = self._any_of()
                self._expect(")")
                return Call(f"{operator} {word}", (left, argument))
        return Call(operator, (left, self._operated()))

    def _operated(self) -> Expression:
        value = self._added()
        while self._is_operator(self._peek()):
            operator = self._next()[1]
            for word in ("any", "all"):
                if self._take(word, "("):
                    argument = self._any_of()
                    self._expect(")")
                    value = Call(f"{operator} {word}", (value, argument))
                    break
            else:
                value = Call(operator, (value, self._added()))
        return value

    def _is_operator(self, text: str) -> bool:
        if self.place >= len(self.tokens) or self.tokens[self.place][0] != "symbol":
            return False
        return text not in _COMPARISONS and text not in "()[],.::+-*/%"

    def _added(self) -> Expression:
        value = self._multiplied()
        while self._peek() in ("+", "-"):
            operator = self._next()[1]
            value = Call(operator, (value, self._multiplied()))
        return value

    def _multiplied(self) -> Expression:
        value = self._cast()
        while self._peek() in ("*", "/", "%"):
            operator = self._next()[1]
            value = Call(operator, (value, self._cast()))
        return value

    def _cast(self) -> Expression:
        if self._take("-"):
            value = self._cast()
            if isinstance(value, Literal) and value.text is not None:
                return Literal(f"-{value.text}", value.kind)
            return Call("-", (Literal("0", "number"), value))
        value = self._atom()
        while self._take("::"):
            value = Cast(value, self._type())
        return value

    def _type(self) -> str:
        words = [self._next()[1]]
        while self._take("."):
            words[-1] += f".{self._next()[1]}"
        rest = [word for long in _LONG_TYPES if long.startswith(words[0]) for word in long.split()]
        while self._peek() in rest and self._peek() not in words:
            words.append(self._next()[1])
            if self._peek() == "(":
                words[-1] += self._modifier()
        name = " ".join(words)
        if self._peek() == "(":
            name += self._modifier()
        while self._take("[", "]"):
            name += "[]"
        return name

    def _modifier(self) -> str:
        text = ""
        while not text.endswith(")"):
            text += self._next()[1]
        return text

    def _atom(self) -> Expression:
        if self._take("("):
            inner = self._any_of()
            self._expect(")")
            return inner
        kind, text = self._next()
        if kind == "string":
            return Literal(_unquoted(text), "string")
        if kind == "number":
            return Literal(text, "number")
        if kind == "name":
            return self._named(text)
        raise _UnreadableError

    def _named(self, text: str) -> Expression:
        word = text.lower() if text[0] != '"' else text
        if word == "array" and self._take("["):
            return Call("array", self._arguments("]"))
        if word == "null":
            return Literal(None)
        if word in ("true", "false"):
            return Literal(word, "boolean")
        if word in _WORDS or word in ("case", "row"):
            raise _UnreadableError
        names = [text]
        while self._take("."):
            names.append(self._next()[1])
        if self._take("("):
            return Call(".".join(map(_name, names)), self._arguments(")"))
        if len(names) > 1:
            raise _UnreadableError
        return Reference(_name(text))

    def _arguments(self, end: str) -> tuple[Expression, ...]:
        arguments: list[Expression] = []
        while not self._take(end):
            if arguments:
                self._expect(",")
            arguments.append(self._any_of())
        return tuple(arguments)


def _name(text: str) -> str:
    return text[1:-1].replace('""', '"') if text[0] == '"' else text


def _unquoted(text: str) -> str:
    if text[0] in "eE":
        # `pg_get_constraintdef` doubles backslashes in E'' strings and escapes nothing else.
        return text[2:-1].replace("''", "'").replace("\\\\", "\\")
    return text[1:-1].replace("''", "'")
