"""Countries, and parts of them, whose public holidays the library ``holidays`` knows."""

import importlib

from narrowcast.errors import shown

_ALPHA_2 = 2  # letters of a country


def check_region(region: str) -> None:
    """Check that public holidays of a region are known, if the optional library is installed.

    Args:
        region: ISO 3166 code of a country such as ``DE``, or of a part of one such as ``AU-VIC``.

    Raises:
        ValueError: They are not. The message names regions that are.
    """
    try:
        library = importlib.import_module("holidays")
    except ImportError:
        return
    known = library.list_supported_countries()
    country, _, part = region.partition("-")
    if country not in known:
        alike = [each for each in known if len(each) == _ALPHA_2 and each[0] == country[0]]
        near = f": those with {country[0]} are {', '.join(sorted(alike))}" if alike else ""
        raise ValueError(f"holidays = {shown(region)}: no holidays are known of this country{near}")
    if part and part not in known[country]:
        parts = ", ".join(known[country]) or "none"
        raise ValueError(
            f"holidays = {shown(region)}: no holidays are known of this part of {country}: its "
            f"parts are {parts}"
        )
