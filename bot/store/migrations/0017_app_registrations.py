"""Add the registrations of the App that were begun in the browser."""

from tortoise.migrations import Migration as Step

from bot.store.migrations import for_each, statements

TABLES = """
CREATE TABLE app_registrations (
    id {number},
    session_id INT NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    digest VARCHAR(64) NOT NULL UNIQUE,
    api_url VARCHAR(500) NOT NULL,
    created_at {time} NOT NULL,
    expires_at {time} NOT NULL,
    used_at {time}
);
CREATE INDEX app_registrations_session ON app_registrations (session_id)
"""


class Migration(Step):
    """Create the table."""

    dependencies = [("models", "0015_pages")]  # noqa: RUF012 - as Tortoise declares it
    operations = [  # noqa: RUF012
        for_each(sqlite=statements("sqlite", TABLES), postgres=statements("postgres", TABLES))
    ]
