"""The commands of `longshore`, its overview and its version: with the standard library alone, and little of that.

`longshore --help` is what programs and people ask first, and often: it takes a fraction of the time of typer's.
"""

COMMANDS = {
    "serve": ("cli.services:serve", "Receive webhooks, serve the API and process the job queue."),
    "work": ("cli.services:work", "Only process the job queue."),
    "demo": ("cli.sandboxes:demo", "Release, approve and roll back against a simulated GitHub."),
    "sandbox": ("cli.sandboxes:sandbox", "Simulate GitHub for a git repository, on 127.0.0.1."),
    "health": ("cli.health:health", "Tell whether the service is ready."),
    "check": ("cli.check:check", "Look at everything that can be set up wrongly."),
    "migrate": ("cli.services:migrate", "Create the database, or bring it up to date."),
    "openapi": ("cli.services:openapi", "Print the OpenAPI 3.1 document of the API."),
    "token": ("cli.tokens:app", "Create, list and revoke API tokens."),
    "project": ("cli.projects:app", "Create, change and list projects."),
    "environment": ("cli.environments:app", "Create, change and list environments."),
    "deliveries": ("cli.deliveries:app", "List, show, retry and discard webhook deliveries that failed."),
}
"""Where each command or group of commands is defined, as `module:name`, and its summary."""

SUMMARY = "A self-hosted release bot for GitHub."
VERSION_HELP, HELP_HELP = "Show the version and exit.", "Show this message and exit."


def overview() -> str:
    """What `longshore --help` prints: by test, what typer would print as well."""
    width = max(map(len, COMMANDS))
    return "\n".join(
        (
            "Usage: longshore [OPTIONS] COMMAND [ARGS]...\n",
            f"  {SUMMARY}\n",
            "Options:",
            f"  --version   {VERSION_HELP}",
            f"  -h, --help  {HELP_HELP}\n",
            "Commands:",
            *(f"  {name:<{width}}  {summary}" for name, (_, summary) in COMMANDS.items()),
        )
    )


def version_line() -> str:
    """What `longshore --version` prints."""
    from importlib.metadata import version

    return f"longshore {version('longshore')}"


SHOWN = {"-h": overview, "--help": overview, "--version": version_line}
"""What is shown for an option that stands alone."""
