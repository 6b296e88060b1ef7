"""Conditions of a rule pack: expressions over typed facts of a zone, checked when the pack is loaded; none can fail when it is asked.

The language is the part of `rule_engine` that needs no check at run time: facts, lists of the pack, constants, `and`, `or`, `not`,
`in`, `==`, `!=`, `<`, `<=`, `>`, `>=`. Days are written d"2024-12-31".
"""

from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, date, datetime, time
from functools import lru_cache
from typing import Any

import rule_engine
from rule_engine import ast

from jagawana.rules.facts import FACTS, ZoneFacts

Lists = tuple[tuple[str, tuple[str, ...]], ...]
"""Named lists of text that a pack holds, e.g. codes of permits."""
MAX_LENGTH = 400
LITERALS = (ast.StringExpression, ast.FloatExpression, ast.BooleanExpression, ast.DatetimeExpression)
ENGINE_TYPES = {
    str: rule_engine.DataType.STRING,
    bool: rule_engine.DataType.BOOLEAN,
    float: rule_engine.DataType.FLOAT,
    date: rule_engine.DataType.DATETIME,
}


def check(text: str, lists: Lists) -> None:
    """Refuse an expression that is not true or false of every zone.

    Raises:
        ValueError: what is wrong, and what there is instead.
    """
    if len(text) > MAX_LENGTH:
        raise ValueError(f"a condition of more than {MAX_LENGTH} characters; divide it into two grounds")
    names = tuple(name for name, _ in lists)
    try:
        expression = _compiled(text, names).statement.expression
    except rule_engine.errors.SymbolResolutionError as e:
        raise ValueError(f"the condition {text!r} names {e.symbol_name!r}; there are {', '.join([*FACTS, *names])}") from e
    except rule_engine.errors.EngineError as e:
        raise ValueError(f"the condition {text!r} is not understood: {e.message}") from e
    for fault in _faults(expression):
        raise ValueError(f"the condition {text!r} {fault}")


@lru_cache(maxsize=65_536)  # asking takes a fifth of a millisecond; a layer has few different permits
def holds(text: str, facts: ZoneFacts, lists: Lists) -> bool:
    """Whether a checked expression is true of a zone."""
    values = {name: _value(value) for name, value in asdict(facts).items()}
    return bool(_compiled(text, tuple(name for name, _ in lists)).matches(values | dict(lists)))


def _value(value: object) -> object:
    """As the engine knows it; an enumeration's member would not equal its own text there."""
    if isinstance(value, date):
        return datetime.combine(value, time.min, UTC)
    return str(value) if isinstance(value, str) else value


@lru_cache(maxsize=1024)
def _compiled(text: str, lists: tuple[str, ...]) -> Any:
    types = {name: ENGINE_TYPES[fact.type] for name, fact in FACTS.items()}
    texts = rule_engine.DataType.ARRAY(rule_engine.DataType.STRING)
    resolver = rule_engine.type_resolver_from_dict(types | dict.fromkeys(lists, texts))
    return rule_engine.Rule(text, context=rule_engine.Context(type_resolver=resolver, default_timezone="utc"))


def _faults(expression: Any) -> Iterator[str]:
    """What would make an expression fail, or always be false by mistake; nothing when it is sound."""
    if expression.result_type != rule_engine.DataType.BOOLEAN:
        yield f"has {_named(expression)} where something true or false belongs"
    elif isinstance(expression, ast.LogicExpression):
        yield from (fault for side in (expression.left, expression.right) for fault in _faults(side))
    elif isinstance(expression, ast.UnaryExpression):
        yield from _faults(expression.right)
    elif isinstance(expression, ast.ContainsExpression):
        yield from _membership_faults(expression.member, expression.container)
    elif type(expression) in (ast.ComparisonExpression, ast.ArithmeticComparisonExpression):  # no other kinds: patterns can take for ever
        yield from _comparison_faults(expression.left, expression.right)
    elif not _is_fact(expression):
        yield f"has {_named(expression)}, which asks nothing of the zone"


def _comparison_faults(left: Any, right: Any) -> Iterator[str]:
    yield from (f for side in (left, right) for f in _operand_faults(side))
    if left.result_type != right.result_type:
        yield f"compares {_named(left)} with {_named(right)}, which is of another type"
    yield from _value_faults(left, right)
    yield from _value_faults(right, left)


def _membership_faults(member: Any, container: Any) -> Iterator[str]:
    yield from _operand_faults(member)
    if isinstance(container, ast.ArrayExpression):
        yield from (f for value in container.value for f in _comparison_faults(member, value))
    elif isinstance(container, ast.SymbolExpression) and container.scope is None and not _is_fact(container):
        if member.result_type != rule_engine.DataType.STRING:
            yield f"looks for {_named(member)} in a list of text"
    else:
        yield f"looks into {_named(container)}; give a list of the pack, or values in square brackets"


def _operand_faults(side: Any) -> Iterator[str]:
    """Facts and constants have values of a known type whatever the zone; anything else could fail."""
    if not isinstance(side, LITERALS) and not _is_fact(side):
        yield f"compares {_named(side)}; only facts and constants can be compared, and lists be looked into with `in`"


def _value_faults(fact: Any, other: Any) -> Iterator[str]:
    """A misspelt value would never be true."""
    known = FACTS[fact.name].values if _is_fact(fact) else ()
    if known and isinstance(other, ast.StringExpression) and other.value not in known:
        yield f"compares {fact.name} with {other.value!r}; it is one of {', '.join(known)}"


def _is_fact(expression: Any) -> bool:
    """Names with a scope are the engine's own, such as the clock."""
    return isinstance(expression, ast.SymbolExpression) and expression.scope is None and expression.name in FACTS


def _named(expression: Any) -> str:
    if isinstance(expression, ast.SymbolExpression):
        return f"the {'fact' if _is_fact(expression) else 'name'} {expression.name}"
    if isinstance(expression, LITERALS):
        return f"the constant {expression.value!r}"
    return type(expression).__name__.removesuffix("Expression").lower()
