"""Add a table of pushed tags that name candidates, by which those are found that no webhook has reported."""

from tortoise.migrations import Migration as Step

from bot.store.migrations import for_each, statements

TABLE = """
CREATE TABLE seen_tags (
    id {number},
    repository_id BIGINT NOT NULL,
    tag VARCHAR(255) NOT NULL,
    handled {flag} NOT NULL,
    seen_at {time} NOT NULL,
    UNIQUE (repository_id, tag)
)
"""


class Migration(Step):
    """Create `seen_tags`."""

    dependencies = [("models", "0013_github_views")]  # noqa: RUF012 - as Tortoise declares it
    operations = [  # noqa: RUF012
        for_each(sqlite=statements("sqlite", TABLE), postgres=statements("postgres", TABLE))
    ]
