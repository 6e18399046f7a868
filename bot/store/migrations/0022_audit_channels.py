"""Add the index by which the audit log is read by channel."""

from tortoise.migrations import Migration as Step

from bot.store.migrations import for_each

INDEX = "CREATE INDEX audit_entries_channel ON audit_entries (channel, id)"


class Migration(Step):
    """Create the index."""

    dependencies = [("models", "0021_people")]  # noqa: RUF012 - as Tortoise declares it
    operations = [for_each(sqlite=[INDEX], postgres=[INDEX])]  # noqa: RUF012
