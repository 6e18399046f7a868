"""Add to runs since when they may exist by GitHub's clock, and what GitHub last said about finding them."""

from tortoise.migrations import Migration as Step

from bot.store.migrations import for_each, statements

COLUMNS = """
ALTER TABLE runs ADD COLUMN first_posted_at {time};
ALTER TABLE runs ADD COLUMN accepted {flag} NOT NULL DEFAULT FALSE;
ALTER TABLE runs ADD COLUMN misses INT NOT NULL DEFAULT 0;
UPDATE runs SET first_posted_at = created_at WHERE state = 'posted'
"""


class Migration(Step):
    """Add `runs.first_posted_at`, `runs.accepted` and `runs.misses`."""

    dependencies = [("models", "0006_delivery_keys")]  # noqa: RUF012 - as Tortoise declares it
    operations = [  # noqa: RUF012
        for_each(sqlite=statements("sqlite", COLUMNS), postgres=statements("postgres", COLUMNS))
    ]
