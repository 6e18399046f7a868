"""The commands of `longshore`, its overview and its version: with the standard library alone, and little of that.

`longshore --help` is what programs and people ask first, and often: it takes a fraction of the time of typer's.
"""

CLIENT_COMMANDS = {
    "login": ("cli.client.service_commands:login", "Log in to a service, and keep the token for later commands."),
    "logout": ("cli.client.service_commands:logout", "Forget the token of a service."),
    "status": (
        "cli.client.service_commands:status",
        "Show where everything is: what is live, under way and waiting.",
    ),
    "cut": ("cli.client.release_commands:cut", "Cut a release candidate."),
    "deploy": ("cli.client.release_commands:deploy", "Deploy a release candidate to an environment."),
    "promote": (
        "cli.client.release_commands:promote",
        "Deploy a candidate to its next environment.",
    ),
    "rollback": ("cli.client.release_commands:rollback", "Deploy what was live before."),
    "approve": ("cli.client.release_commands:approve", "Approve a candidate for an environment."),
    "why": ("cli.client.release_commands:why", "Show what every gate says about a deployment."),
    "watch": ("cli.client.release_commands:watch", "Follow a deployment until it has ended."),
    "freeze": ("cli.client.block_commands:freeze", "Stop deployments to an environment, a project or the service."),
    "unfreeze": (
        "cli.client.block_commands:unfreeze",
        "End the freezes of an environment, a project or the service.",
    ),
    "lock": ("cli.client.block_commands:lock", "Reserve an environment: nobody else can deploy there."),
    "unlock": ("cli.client.block_commands:unlock", "Release the lock of an environment."),
    "hold": ("cli.client.block_commands:hold", "Hold a release: none of its candidates can be deployed."),
    "unhold": ("cli.client.block_commands:unhold", "End the hold of a release."),
    "ban": ("cli.client.block_commands:ban", "Ban a candidate: it can no longer be deployed."),
    "unban": ("cli.client.block_commands:unban", "End the ban of a candidate."),
    "open": (
        "cli.client.service_commands:open_",
        "Open a page of the service in the browser.",
    ),
    "completion": (
        "cli.client.service_commands:completion",
        "Print a script with which a shell completes commands.",
    ),
}
OPERATOR_COMMANDS = {
    "serve": ("cli.services:serve", "Receive webhooks, serve the API and process the job queue."),
    "work": ("cli.services:work", "Only process the job queue."),
    "demo": ("cli.sandboxes:demo", "Release, approve and roll back against a simulated GitHub."),
    "sandbox": ("cli.sandboxes:sandbox", "Simulate GitHub for a git repository, on 127.0.0.1."),
    "health": ("cli.health:health", "Tell whether the service is ready."),
    "migrate": ("cli.services:migrate", "Create the database, or bring it up to date."),
    "openapi": ("cli.services:openapi", "Print the OpenAPI 3.1 document of the API."),
    "login-link": ("cli.login_links:login_link", "Print a link that signs in to the pages as the operator."),
    "token": ("cli.tokens:app", "Create, list and revoke API tokens."),
    "project": ("cli.projects:app", "Create, change and list projects."),
    "environment": ("cli.environments:app", "Create, change and list environments."),
    "deliveries": ("cli.deliveries:app", "List, show, retry and discard webhook deliveries that failed."),
}
"""Where each command or group of commands is defined, as `module:name`, and its summary.

The first ask a service over HTTP, the others need its settings or its database.
"""
COMMANDS = {**CLIENT_COMMANDS, **OPERATOR_COMMANDS}
SECTIONS = {
    "Commands that ask a service (see longshore login)": CLIENT_COMMANDS,
    "Commands for operators, on the service's host": OPERATOR_COMMANDS,
}
"""The sections of the overview."""

COMPLETE = "_complete"
"""The command that completion scripts run. It is for no one else, so no help shows it."""
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
            "\n\n".join(_section(title, commands, width) for title, commands in SECTIONS.items()),
        )
    )


def _section(title: str, commands: dict[str, tuple[str, str]], width: int) -> str:
    lines = (f"  {name:<{width}}  {summary}" for name, (_, summary) in commands.items())
    return "\n".join((f"{title}:", *lines))


def version_line() -> str:
    """What `longshore --version` prints."""
    from importlib.metadata import version

    return f"longshore {version('longshore')}"


SHOWN = {"-h": overview, "--help": overview, "--version": version_line}
"""What is shown for an option that stands alone."""
