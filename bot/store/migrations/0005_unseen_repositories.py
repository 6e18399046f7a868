"""Treat repositories that can no longer be seen as private, as they are from now on when they become unreachable."""

from tortoise.migrations import Migration as Step

from bot.store.migrations import for_each, statements

TEXT = "UPDATE repositories SET private = {true} WHERE installation_id IS NULL;"


class Migration(Step):
    """Set `private` of repositories that no installation of the App reaches."""

    dependencies = [("models", "0004_performed_requests")]  # noqa: RUF012 - as Tortoise declares it
    operations = [for_each(sqlite=statements("sqlite", TEXT), postgres=statements("postgres", TEXT))]  # noqa: RUF012
