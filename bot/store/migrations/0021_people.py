"""Add the index by which searches find people by the first letters of their names, in either case."""

from tortoise.migrations import Migration as Step

from bot.store.migrations import for_each

INDEX = "CREATE INDEX users_lower_name ON users (lower(name))"


class Migration(Step):
    """Create the index."""

    dependencies = [("models", "0020_searches")]  # noqa: RUF012 - as Tortoise declares it
    operations = [for_each(sqlite=[INDEX], postgres=[INDEX])]  # noqa: RUF012
