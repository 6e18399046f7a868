"""Create one table, then fail."""

from tortoise.migrations import Migration as Step

from bot.store.migrations import for_each

STATEMENTS = ["CREATE TABLE halves (id INT PRIMARY KEY)", "CREATE TABLE oops ("]


class Migration(Step):
    """Run two statements, of which the second is malformed."""

    initial = True
    operations = [for_each(sqlite=STATEMENTS, postgres=STATEMENTS)]
