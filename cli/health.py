"""`longshore health`: whether the service or worker that runs with the same settings is ready."""

import http.client
import json
from typing import Annotated

import typer

from bot.errors import Unavailable
from bot.rules.addresses import authority, local_host
from cli.output import show

TIMEOUT = 5  # seconds
MAX_READ = 64 * 1024  # bytes of the response
MAX_SHOWN = 200  # characters of what another program answers


def health(
    worker: Annotated[
        bool, typer.Option("--worker", help="Ask `longshore work`, at LONGSHORE_WORK_PORT, instead of `serve`.")
    ] = False,
) -> None:
    """Tell whether the service is ready.

    Asks the one at LONGSHORE_HOST and LONGSHORE_PORT. Exits with 0 if it is ready, else with 1 and the reason. What it
    warns of is printed too.
    """
    from bot.settings import read_settings
    from cli.preparation import prepare

    settings = read_settings()
    prepare()
    subject, port = ("worker", settings.work_port) if worker else ("service", settings.port)
    host = local_host(settings.host)
    status, body = _get_readiness(subject, host, port)
    report = _read_report(body)
    if report is None:
        said = f" ({status} {body[:MAX_SHOWN].strip()}".rstrip() + ")"
        raise Unavailable(f"What answers at {authority(host, port)} is not Longshore{said}.")
    if status != 200:
        raise Unavailable(f"The {subject} is not ready: {'; '.join(_sentences(report['problems'])) or status}.")
    show("ready")
    for sentence in _sentences(report.get("warnings")):
        show(f"warning: {sentence}")


def _read_report(body: str) -> dict[str, object] | None:
    """The report on the readiness of a process; None if another program answers at its port."""
    try:
        report = json.loads(body)
    except ValueError:
        return None
    return report if isinstance(report, dict) and isinstance(report.get("problems"), dict) else None


def _sentences(found: object) -> list[str]:
    """What a report lists by subject, as sentences."""
    return [f"{subject}: {text}" for subject, text in found.items()] if isinstance(found, dict) else []


def _get_readiness(subject: str, host: str, port: int) -> tuple[int, str]:
    """Request `/readyz` directly, whatever proxies the environment names."""
    connection = http.client.HTTPConnection(host, port, timeout=TIMEOUT)
    try:
        connection.request("GET", "/readyz")
        response = connection.getresponse()
        return response.status, response.read(MAX_READ).decode(errors="replace")
    except (OSError, http.client.HTTPException) as error:
        raise Unavailable(f"The {subject} does not answer at {authority(host, port)} ({error}).") from error
    finally:
        connection.close()
