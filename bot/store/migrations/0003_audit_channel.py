"""The audit log names the channel of an act by the field's own word; what it says stays as it was written."""

from tortoise.migrations import Migration as Step

from bot.store.migrations import for_each

RENAME = ("ALTER TABLE audit_entries RENAME COLUMN door TO channel",)


class Migration(Step):
    """`audit_entries.door` becomes `channel`."""

    dependencies = [("models", "0002_dialects")]  # noqa: RUF012 - tortoise's own form
    operations = [for_each(sqlite=RENAME, postgres=RENAME)]  # noqa: RUF012
