"""Answers by which a setting is known to be wrong: the App's id, its key, the API's address, or the proxy."""

from urllib.parse import urljoin, urlsplit

from bot.errors import WrongSettings

ADDRESS = "LONGSHORE_GITHUB_API_URL must be the address of GitHub's API: https://HOST/api/v3 on Enterprise Server"
REDIRECTS = (301, 302, 303, 307, 308)


def refused_app(status: int, message: str) -> WrongSettings | None:
    """What is wrong when GitHub answers a request of the App itself with an error; None if nothing is known to be."""
    if status == 404 and "integration not found" in message.lower():
        return WrongSettings(
            f"GitHub knows no App with our id: {message}",
            "LONGSHORE_GITHUB_APP_ID must be the id or client id of the App",
        )
    if status == 401 and ("'exp'" in message or "'iat'" in message):
        return WrongSettings(
            f"GitHub refuses the times of our requests: {message}", "the clock of this machine must be right"
        )
    if status == 401:
        return WrongSettings(
            f"GitHub refuses our App id or key: {message}",
            "LONGSHORE_GITHUB_PRIVATE_KEY must be a key of the App that LONGSHORE_GITHUB_APP_ID names",
        )
    return None


def no_app(status: int, message: str) -> WrongSettings:
    """Build the error for an answer to `GET /app` that shows no App."""
    if status in (401, 403):
        return WrongSettings(f"GitHub refuses our App: {message}", "GitHub shows its state in the settings of the App")
    return WrongSettings(ADDRESS, f"it answered {status} when asked for our App: {message}")


def another_app(slug: str) -> WrongSettings:
    """Build the error for an App that is not the one of the settings."""
    return WrongSettings(
        f"GitHub takes us for another App: {slug}", "LONGSHORE_GITHUB_APP_ID must be the id or client id of the App"
    )


def not_the_api(url: str, status: int, content_type: str, location: str | None) -> WrongSettings | None:
    """What is wrong when an answer does not come from GitHub's API; None if it may."""
    if status in REDIRECTS and location:
        elsewhere = urlsplit(urljoin(url, location))[:2] != urlsplit(url)[:2]
        return WrongSettings(ADDRESS, f"it redirects{' to another address' if elsewhere else ''}")
    if status == 407:
        return proxy_wants_credentials()
    if status < 500 and status != 429 and content_type.startswith("text/html"):
        return WrongSettings(ADDRESS, f"it answered {status} with a web page")
    return None


def proxy_wants_credentials() -> WrongSettings:
    """Build the error for a proxy that refuses us."""
    return WrongSettings(
        "The proxy before GitHub wants a user name and a password",
        "they belong in its URL: HTTPS_PROXY, HTTP_PROXY or LONGSHORE_GITHUB_PROXY",
    )
