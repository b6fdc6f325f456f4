"""Files of text made of the templates of this package."""

from collections.abc import Callable, Mapping
from importlib import resources
from typing import Any

import jinja2


def render(
    template: str,
    context: Mapping[str, object],
    filters: Mapping[str, Callable[[Any], str]] | None = None,
) -> str:
    """Return the text of a file; nothing is escaped.

    Args:
        template: Path of the template in ``export/templates``.
        context: Variables of the template.
        filters: Further filters of the template, by name.
    """
    folder = resources.files("narrowcast.export") / "templates"
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(lambda name: (folder / name).read_text()),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(filters or {})
    return environment.get_template(template).render(context)
