"""What is wrong with a document that does not fit its model, in one line for people."""

from pydantic import ValidationError


def first_fault(error: ValidationError) -> str:
    """Where the first fault is, and what it is; never the value, which may be secret or long."""
    first = error.errors(include_url=False, include_input=False)[0]
    where = ".".join(map(str, first["loc"])) or "(root)"
    said = "there is no such field" if first["type"] == "extra_forbidden" else first["msg"].removeprefix("Value error, ")
    return f"at {where}: {said}"
