"""Add what is shown on GitHub: status comments, check runs, deployments, and answers to protection rules."""

from tortoise.migrations import Migration as Step

from bot.store.migrations import for_each, statements

SCHEMA = """
ALTER TABLE projects ADD COLUMN show {json} NOT NULL DEFAULT '{{}}';
ALTER TABLE runs ADD COLUMN uses_environment VARCHAR(5);
ALTER TABLE deployments ADD COLUMN github_deployment_id BIGINT;
ALTER TABLE deployments ADD COLUMN github_state VARCHAR(12);
ALTER TABLE deployments ADD COLUMN github_sending VARCHAR(12);
CREATE TABLE github_views (
    id {number},
    kind VARCHAR(20) NOT NULL,
    candidate_id INT NOT NULL REFERENCES candidates (id) ON DELETE RESTRICT,
    thread VARCHAR(10) NOT NULL,
    thread_id VARCHAR(64) NOT NULL,
    github_id BIGINT,
    sending {flag} NOT NULL,
    gone {flag} NOT NULL,
    digest VARCHAR(64),
    shown_at {time},
    note {json},
    created_at {time} NOT NULL,
    UNIQUE (kind, candidate_id, thread, thread_id)
);
CREATE INDEX idx_github_views_candidate ON github_views (candidate_id);
CREATE TABLE protection_requests (
    id {number},
    repository_id BIGINT NOT NULL REFERENCES repositories (github_id) ON DELETE RESTRICT,
    run_id BIGINT NOT NULL,
    environment VARCHAR(255) NOT NULL,
    "commit" VARCHAR(64) NOT NULL,
    state VARCHAR(10) NOT NULL,
    requester_id BIGINT,
    requester VARCHAR(255),
    reports INT NOT NULL,
    digest VARCHAR(64),
    evaluate_at {time},
    requested_at {time} NOT NULL,
    answered_at {time},
    UNIQUE (repository_id, run_id, environment)
);
CREATE INDEX protection_requests_due ON protection_requests (evaluate_at) WHERE state = 'waiting';
CREATE INDEX protection_requests_commit ON protection_requests (repository_id, "commit") WHERE state = 'waiting'
"""


class Migration(Step):
    """Create the tables and columns of what GitHub shows."""

    dependencies = [("models", "0012_config_files")]  # noqa: RUF012 - as Tortoise declares it
    operations = [  # noqa: RUF012
        for_each(sqlite=statements("sqlite", SCHEMA), postgres=statements("postgres", SCHEMA))
    ]
