"""Allow longer names: SQLite has to rebuild the table for it."""

from tortoise.migrations import Migration as Step

from bot.store.migrations import for_each


class Migration(Step):
    """Change VARCHAR(9) to VARCHAR(99)."""

    dependencies = [("models", "0001_initial")]
    operations = [
        for_each(
            sqlite=[
                "CREATE TABLE new_parents (id INT PRIMARY KEY, name VARCHAR(99) NOT NULL UNIQUE)",
                "INSERT INTO new_parents SELECT id, name FROM parents",
                "DROP TABLE parents",
                "ALTER TABLE new_parents RENAME TO parents",
            ],
            postgres=["ALTER TABLE parents ALTER COLUMN name TYPE VARCHAR(99)"],
        )
    ]
