"""Add a table of comments that may hold commands, by which limits are counted."""

from tortoise.migrations import Migration as Step

from bot.store.migrations import for_each, statements

TABLE = """
CREATE TABLE handled_comments (
    id {number},
    comment VARCHAR(100) NOT NULL UNIQUE,
    repository_id BIGINT NOT NULL,
    author_id BIGINT NOT NULL,
    may_write {flag},
    commands INT NOT NULL,
    verdict VARCHAR(10),
    at {time} NOT NULL
);
CREATE INDEX handled_comments_author ON handled_comments (repository_id, author_id, at);
CREATE INDEX handled_comments_repository ON handled_comments (repository_id, at);
"""


class Migration(Step):
    """Create `handled_comments`."""

    dependencies = [("models", "0006_delivery_keys")]  # noqa: RUF012 - as Tortoise declares it
    operations = [  # noqa: RUF012
        for_each(sqlite=statements("sqlite", TABLE), postgres=statements("postgres", TABLE)),
    ]
