"""Add configuration files of repositories, the changes of them that wait for approval, and what they set."""

from tortoise.migrations import Migration as Step

from bot.store.migrations import for_each, statements

SCHEMA = """
ALTER TABLE projects ADD COLUMN paths {json};
ALTER TABLE projects ADD COLUMN promote_on_tag VARCHAR(255);
ALTER TABLE projects ADD COLUMN managed {flag} NOT NULL DEFAULT FALSE;
ALTER TABLE environments ADD COLUMN managed {flag} NOT NULL DEFAULT FALSE;
CREATE TABLE config_files (
    id {number},
    repository_id BIGINT NOT NULL UNIQUE REFERENCES repositories (github_id) ON DELETE RESTRICT,
    state VARCHAR(10) NOT NULL,
    blob VARCHAR(64) NOT NULL,
    "commit" VARCHAR(64) NOT NULL,
    errors {json} NOT NULL,
    applied_blob VARCHAR(64) NOT NULL,
    applied_commit VARCHAR(64) NOT NULL,
    applied_text TEXT NOT NULL,
    checked_at {time} NOT NULL
);
CREATE TABLE config_changes (
    id {number},
    repository_id BIGINT NOT NULL REFERENCES repositories (github_id) ON DELETE RESTRICT,
    project_id INT NOT NULL REFERENCES projects (id) ON DELETE RESTRICT,
    environment_id INT REFERENCES environments (id) ON DELETE RESTRICT,
    rule_environment_id INT,
    blob VARCHAR(64) NOT NULL,
    "commit" VARCHAR(64) NOT NULL,
    changes {json} NOT NULL,
    needed INT NOT NULL,
    approvers {json} NOT NULL,
    listed_users {json} NOT NULL,
    author_ids {json},
    created_at {time} NOT NULL,
    outcome VARCHAR(12),
    decided_at {time}
);
CREATE INDEX config_changes_repository ON config_changes (repository_id, id);
CREATE UNIQUE INDEX config_changes_environment ON config_changes (environment_id)
    WHERE outcome IS NULL AND environment_id IS NOT NULL;
CREATE UNIQUE INDEX config_changes_project ON config_changes (project_id)
    WHERE outcome IS NULL AND environment_id IS NULL;
CREATE TABLE config_approvals (
    id {number},
    change_id INT NOT NULL REFERENCES config_changes (id) ON DELETE RESTRICT,
    user_id INT NOT NULL REFERENCES users (id) ON DELETE RESTRICT,
    channel VARCHAR(20) NOT NULL,
    by_operator {flag} NOT NULL,
    approved_at {time} NOT NULL,
    UNIQUE (change_id, user_id)
)
"""


class Migration(Step):
    """Create the tables and columns of configuration files."""

    dependencies = [("models", "0011_freezes")]  # noqa: RUF012 - as Tortoise declares it
    operations = [  # noqa: RUF012
        for_each(sqlite=statements("sqlite", SCHEMA), postgres=statements("postgres", SCHEMA))
    ]
