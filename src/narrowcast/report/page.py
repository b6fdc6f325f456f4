"""The frame of all pages: one self-contained file that needs neither a network nor a script."""

from typing import Any

import jinja2

from narrowcast.report.axes import measured, number, percent, score
from narrowcast.report.charts import HIGH, WIDE


def render(template: str, **content: Any) -> str:
    """Return a page; all texts are escaped.

    Args:
        template: Path of the template in the package, such as
            ``report/templates/report.html.j2``.
        content: Variables of the template.
    """
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("narrowcast", ""),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(number=number, measured=measured, score=score)
    environment.globals.update(WIDE=WIDE, HIGH=HIGH, zip=zip, percent=percent)
    page: str = environment.get_template(template).render(**content)
    return page
