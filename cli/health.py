"""`longshore health`: whether the service that runs with the same settings is ready."""

import http.client

from bot.errors import Unavailable
from bot.rules.addresses import authority, local_host
from cli.output import show

TIMEOUT = 5  # seconds
MAX_SHOWN = 1000  # bytes of the response


def health() -> None:
    """Tell whether the service is ready.

    Asks the one at LONGSHORE_HOST and LONGSHORE_PORT. Exits with 0 if it is ready, else with 1 and the reason.
    """
    from bot.settings import read_settings
    from cli.preparation import prepare

    prepare()
    settings = read_settings()
    status, body = _get_readiness(local_host(settings.host), settings.port)
    if status != 200:
        raise Unavailable(f"The service is not ready: {status} {body}")
    show("ready")


def _get_readiness(host: str, port: int) -> tuple[int, str]:
    """Request `/readyz` directly, whatever proxies the environment names."""
    connection = http.client.HTTPConnection(host, port, timeout=TIMEOUT)
    try:
        connection.request("GET", "/readyz")
        response = connection.getresponse()
        return response.status, response.read(MAX_SHOWN).decode(errors="replace")
    except (OSError, http.client.HTTPException) as error:
        raise Unavailable(f"The service does not answer at {authority(host, port)} ({error}).") from error
    finally:
        connection.close()
