"""Add what the gates of environments need: their settings, approvals, locks, freezes, bans, and waiting deployments."""

from tortoise.migrations import Migration as Step

from bot.store.migrations import for_each, statements

SCHEMA = """
ALTER TABLE environments ADD COLUMN gate_settings {json} NOT NULL DEFAULT '{{}}';
ALTER TABLE environments ADD COLUMN listed_users {json} NOT NULL DEFAULT '{{}}';
ALTER TABLE environments ADD COLUMN url VARCHAR(500);
ALTER TABLE environments ADD COLUMN closed VARCHAR(500);
ALTER TABLE repositories ADD COLUMN command VARCHAR(50) NOT NULL DEFAULT '/release';
ALTER TABLE api_tokens ADD COLUMN personal {flag} NOT NULL DEFAULT FALSE;
ALTER TABLE api_tokens ADD COLUMN by_operator {flag} NOT NULL DEFAULT FALSE;
ALTER TABLE deployments ADD COLUMN waiting {flag} NOT NULL DEFAULT FALSE;
ALTER TABLE deployments ADD COLUMN automatic {flag} NOT NULL DEFAULT FALSE;
ALTER TABLE deployments ADD COLUMN wait_outcome VARCHAR(12);
ALTER TABLE deployments ADD COLUMN waits_for {json};
ALTER TABLE deployments ADD COLUMN expires_at {time};
ALTER TABLE deployments ADD COLUMN evaluate_at {time};
ALTER TABLE deployments ADD COLUMN channel VARCHAR(20);
ALTER TABLE deployments ADD COLUMN token_id INT;
ALTER TABLE deployments ADD COLUMN force_reason TEXT;
ALTER TABLE deployments ADD COLUMN rollback_reason TEXT;
ALTER TABLE deployments ADD COLUMN decision {json};
DROP INDEX deployments_active;
CREATE UNIQUE INDEX deployments_active ON deployments (environment_id)
    WHERE status IN ('pending', 'in_progress') AND NOT reported AND NOT waiting;
CREATE UNIQUE INDEX deployments_waiting ON deployments (environment_id) WHERE waiting;
CREATE INDEX deployments_due ON deployments (evaluate_at) WHERE waiting;
CREATE INDEX audit_entries_weakened ON audit_entries (project_id, id) WHERE act = 'gate.weakened';
CREATE TABLE approvals (
    id {number},
    candidate_id INT NOT NULL REFERENCES candidates (id) ON DELETE RESTRICT,
    environment_id INT NOT NULL REFERENCES environments (id) ON DELETE RESTRICT,
    user_id INT NOT NULL REFERENCES users (id) ON DELETE RESTRICT,
    comment TEXT NOT NULL,
    channel VARCHAR(20) NOT NULL,
    by_operator {flag} NOT NULL,
    approved_at {time} NOT NULL,
    withdrawn_at {time}
);
CREATE UNIQUE INDEX approvals_open ON approvals (candidate_id, environment_id, user_id) WHERE withdrawn_at IS NULL;
CREATE INDEX approvals_environment ON approvals (environment_id, id);
CREATE TABLE environment_locks (
    id {number},
    environment_id INT NOT NULL REFERENCES environments (id) ON DELETE RESTRICT,
    owner_id INT NOT NULL REFERENCES users (id) ON DELETE RESTRICT,
    reason TEXT NOT NULL,
    since {time} NOT NULL,
    until {time},
    released_at {time},
    released_by_id INT REFERENCES users (id) ON DELETE RESTRICT
);
CREATE UNIQUE INDEX environment_locks_open ON environment_locks (environment_id) WHERE released_at IS NULL;
CREATE TABLE freezes (
    id {number},
    scope VARCHAR(12) NOT NULL,
    environment_id INT REFERENCES environments (id) ON DELETE RESTRICT,
    project_id INT REFERENCES projects (id) ON DELETE RESTRICT,
    created_by_id INT NOT NULL REFERENCES users (id) ON DELETE RESTRICT,
    reason TEXT NOT NULL,
    since {time} NOT NULL,
    until {time},
    ended_at {time},
    ended_by_id INT REFERENCES users (id) ON DELETE RESTRICT
);
CREATE INDEX freezes_open ON freezes (scope, project_id, environment_id) WHERE ended_at IS NULL;
CREATE TABLE bans (
    id {number},
    candidate_id INT NOT NULL REFERENCES candidates (id) ON DELETE RESTRICT,
    created_by_id INT NOT NULL REFERENCES users (id) ON DELETE RESTRICT,
    reason TEXT NOT NULL,
    tag_moved {flag} NOT NULL,
    since {time} NOT NULL,
    ended_at {time},
    ended_by_id INT REFERENCES users (id) ON DELETE RESTRICT
);
CREATE UNIQUE INDEX bans_open ON bans (candidate_id) WHERE ended_at IS NULL;
CREATE TABLE comparisons (
    id {number},
    repository_id BIGINT NOT NULL,
    base VARCHAR(64) NOT NULL,
    head VARCHAR(64) NOT NULL,
    status VARCHAR(10) NOT NULL,
    author_ids {json},
    unlinked {json},
    asked_at {time} NOT NULL,
    UNIQUE (repository_id, base, head)
)
"""


class Migration(Step):
    """Create the tables and columns of gates."""

    dependencies = [("models", "0009_queue_vacuum")]  # noqa: RUF012 - as Tortoise declares it
    operations = [  # noqa: RUF012
        for_each(sqlite=statements("sqlite", SCHEMA), postgres=statements("postgres", SCHEMA))
    ]
