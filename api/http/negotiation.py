"""Content negotiation (RFC 9110, section 12)."""

import re

_QUALITY = re.compile(r"[ \t]*q[ \t]*=[ \t]*(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)[ \t]*", re.IGNORECASE)


def accepts_gzip(accept_encoding: str) -> bool:
    """Whether a client accepts gzip and does not prefer an unencoded response (RFC 9110, 12.5.3)."""
    qualities = {}
    for part in accept_encoding.lower().split(","):
        coding, _, weight = part.partition(";")
        quality = _QUALITY.fullmatch(weight)
        qualities[coding.strip()] = float(quality[1]) if quality else 0.0 if weight.strip() else 1.0
    gzipped = qualities.get("gzip", qualities.get("x-gzip", qualities.get("*", 0.0)))
    return 0 < gzipped >= qualities.get("identity", 0.0)
