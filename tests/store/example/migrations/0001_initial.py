"""Create a parent table and a child table."""

from tortoise.migrations import Migration as Step

from bot.store.migrations import for_each

TABLES = [
    "CREATE TABLE parents (id INT PRIMARY KEY, name VARCHAR(9) NOT NULL UNIQUE)",
    "CREATE TABLE children (id INT PRIMARY KEY, parent_id INT NOT NULL REFERENCES parents (id) ON DELETE CASCADE)",
]


class Migration(Step):
    """Create both tables."""

    initial = True
    operations = [for_each(sqlite=TABLES, postgres=TABLES)]
