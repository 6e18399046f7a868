"""Add what pages need: sessions, operators' links, stored credentials, numbers of changes, and indexes."""

from tortoise.migrations import Migration as Step

from bot.store.migrations import for_each, statements

TABLES = """
CREATE TABLE sessions (
    id {number},
    user_id INT NOT NULL REFERENCES users (id) ON DELETE RESTRICT,
    digest VARCHAR(64) NOT NULL UNIQUE,
    operator {flag} NOT NULL,
    browser VARCHAR(200) NOT NULL,
    created_at {time} NOT NULL,
    last_used_at {time} NOT NULL,
    expires_at {time} NOT NULL,
    ended_at {time}
);
CREATE INDEX sessions_user ON sessions (user_id, ended_at);
CREATE TABLE login_links (
    id {number},
    digest VARCHAR(64) NOT NULL UNIQUE,
    created_at {time} NOT NULL,
    expires_at {time} NOT NULL,
    used_at {time}
);
CREATE TABLE app_credentials (
    id {number},
    app_id VARCHAR(64) NOT NULL,
    client_id VARCHAR(64) NOT NULL,
    slug VARCHAR(100) NOT NULL,
    name VARCHAR(100) NOT NULL,
    owner VARCHAR(255) NOT NULL,
    url VARCHAR(500) NOT NULL,
    api_url VARCHAR(500) NOT NULL,
    sealed TEXT NOT NULL,
    created_at {time} NOT NULL
);
ALTER TABLE comparisons ADD COLUMN ahead_by INT;
CREATE INDEX candidates_project ON candidates (project_id, id);
CREATE INDEX candidates_by_commit ON candidates ("commit");
CREATE INDEX candidates_by_version ON candidates (version);
CREATE INDEX audit_entries_actor ON audit_entries (actor, id);
CREATE INDEX audit_entries_act ON audit_entries (act, id)
"""


class Migration(Step):
    """Create the tables, and add the column and the indexes."""

    dependencies = [("models", "0014_seen_tags")]  # noqa: RUF012 - as Tortoise declares it
    operations = [  # noqa: RUF012
        for_each(sqlite=statements("sqlite", TABLES), postgres=statements("postgres", TABLES))
    ]
