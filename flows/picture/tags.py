"""Write XML: each tag escapes what stands in it, unless that is a tag itself."""

from collections.abc import Mapping

Attributes = Mapping[str, str | float]


class Tag(str):
    """The text of a tag, with all that is in it."""

    __slots__ = ()


def tag(name: str, attributes: Attributes, *inside: str) -> Tag:
    """Return a tag; names are taken as they are, numbers are written with at most one decimal place."""
    written = "".join([f' {key}="{_value(value)}"' for key, value in attributes.items()])
    if not inside:
        return Tag(f"<{name}{written}/>")
    content = "".join([one if type(one) is Tag else _escaped(one) for one in inside])
    return Tag(f"<{name}{written}>{content}</{name}>")


def number(value: float) -> str:
    """Return a number of pixels as it is written."""
    return str(value) if type(value) is int else f"{value:.1f}".removesuffix(".0")


def _value(value: str | float) -> str:
    return _escaped(value).replace('"', "&quot;") if isinstance(value, str) else number(value)


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
