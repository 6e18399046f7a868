"""Rename the column of audit entries that holds the channel; stored values are kept."""

from tortoise.migrations import Migration as Step

from bot.store.migrations import for_each

RENAME = ("ALTER TABLE audit_entries RENAME COLUMN door TO channel",)


class Migration(Step):
    """Rename `audit_entries.door` to `channel`."""

    dependencies = [("models", "0002_dialects")]  # noqa: RUF012 - as Tortoise declares it
    operations = [for_each(sqlite=RENAME, postgres=RENAME)]  # noqa: RUF012
