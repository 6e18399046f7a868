"""The texts of keys that secrets in the database are encrypted with."""

from bot.rules.setting_texts import split_list

MIN_LENGTH = 32  # characters
HOW = "`openssl rand -base64 32` makes one"


def checked(text: str) -> str:
    """Check one key, or several with commas between them. Raises ValueError with the rest of a sentence."""
    keys = split_list(text)
    if not keys or min(map(len, keys)) < MIN_LENGTH:
        raise ValueError(f"must be a random text of at least {MIN_LENGTH} characters: {HOW}")
    return ",".join(keys)
