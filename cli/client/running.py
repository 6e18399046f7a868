"""Run a command against the service that somebody is logged in to."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

from cli.client import environment, logins
from cli.client.caller import Caller
from cli.client.exits import Outcome, Stopped
from cli.client.options import ServiceOptions
from cli.client.output import Screen, print_outcome, print_stopped
from cli.client.service import connected

Act = Callable[[Caller], Awaitable[Outcome]]


def run(options: ServiceOptions, act: Act) -> int:
    """Run a command and print what it has to say; returns the exit code."""
    return report(options.as_json, lambda: asyncio.run(_call(options, act)))


def report(as_json: bool, work: Callable[[], Outcome]) -> int:
    """Print the outcome of some work, or why it stopped; returns the exit code."""
    try:
        outcome = work()
    except Stopped as stopped:
        print_stopped(stopped, as_json=as_json)
        return stopped.code
    print_outcome(outcome, as_json=as_json)
    return outcome.code


def warn(screen: Screen, file: Path) -> None:
    """Tell of what works, but hardly as it is meant."""
    for sentence in environment.misspelled():
        screen.say(f"warning: {sentence}")
    if logins.is_exposed(file):
        screen.say(f"warning: others can read the tokens in {file}: run `chmod 600` on it")


async def _call(options: ServiceOptions, act: Act) -> Outcome:
    file, found = environment.logins_file(), environment.variables()
    with Screen() as screen:
        warn(screen, file)
        login = logins.find(logins.read(file), options.url, found)
        async with connected(login, screen.say, proxies=environment.proxies()) as service:
            return await act(Caller(service, screen, named=options.project or found.project))
