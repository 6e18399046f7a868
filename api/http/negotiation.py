"""What a client says that it accepts (RFC 9110, section 12)."""

import re

_QUALITY = re.compile(r"[ \t]*q[ \t]*=[ \t]*(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)[ \t]*", re.IGNORECASE)


def accepts_gzip(accept_encoding: str) -> bool:
    """Whether gzip is welcome, and no less so than nothing (RFC 9110, 12.5.3)."""
    qualities = {}
    for part in accept_encoding.lower().split(","):
        coding, _, weight = part.partition(";")
        found = _QUALITY.fullmatch(weight)
        qualities[coding.strip()] = float(found[1]) if found else 0.0 if weight.strip() else 1.0
    gzipped = qualities.get("gzip", qualities.get("x-gzip", qualities.get("*", 0.0)))
    return 0 < gzipped >= qualities.get("identity", 0.0)
