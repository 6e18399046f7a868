"""Give the keys of webhook deliveries a prefix, so that no other kind of job has one of them."""

from tortoise.migrations import Migration as Step

from bot.store.migrations import for_each

PREFIX = ("UPDATE jobs SET key = 'webhook:' || key WHERE kind = 'webhook'",)


class Migration(Step):
    """Turn the key of each delivery from its GUID into `webhook:` and its GUID."""

    dependencies = [("models", "0005_unseen_repositories")]  # noqa: RUF012 - as Tortoise declares it
    operations = [for_each(sqlite=PREFIX, postgres=PREFIX)]  # noqa: RUF012
