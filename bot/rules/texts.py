"""Texts cut to the lengths that others accept."""

ELLIPSIS = "…"


def cut(text: str, limit: int) -> str:
    """Cut a text to `limit` characters; where something is missing, it ends in an ellipsis."""
    return text if len(text) <= limit else text[: limit - 1].rstrip() + ELLIPSIS


def cut_bytes(text: str, limit: int) -> str:
    """Cut a text to `limit` bytes of UTF-8, and so to no more characters, in the same way."""
    encoded = text.encode("utf-8", "replace")
    if len(encoded) <= limit:
        return encoded.decode()
    return encoded[: limit - len(ELLIPSIS.encode())].decode("utf-8", "ignore").rstrip() + ELLIPSIS
