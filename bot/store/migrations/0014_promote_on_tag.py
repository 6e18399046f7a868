"""Add the environment to which a pushed tag of a release deploys the candidate at its commit."""

from tortoise.migrations import Migration as Step

from bot.store.migrations import for_each

ADD = ["ALTER TABLE projects ADD COLUMN promote_on_tag VARCHAR(100)"]


class Migration(Step):
    """Add `projects.promote_on_tag`."""

    dependencies = [("models", "0011_freezes")]  # noqa: RUF012 - as Tortoise declares it
    operations = [for_each(sqlite=ADD, postgres=ADD)]  # noqa: RUF012
