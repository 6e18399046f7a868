"""Add the indexes by which searches find people's acts and pull requests."""

from tortoise.migrations import Migration as Step

from bot.store.migrations import for_each, statements

INDEXES = """
CREATE INDEX candidates_by_person ON candidates (created_by_id, id);
CREATE INDEX deployments_by_person ON deployments (actor_id, id);
CREATE INDEX github_views_thread ON github_views (thread_id)
"""


class Migration(Step):
    """Create the indexes."""

    dependencies = [("models", "0017_app_registrations")]  # noqa: RUF012 - as Tortoise declares it
    operations = [  # noqa: RUF012
        for_each(sqlite=statements("sqlite", INDEXES), postgres=statements("postgres", INDEXES))
    ]
