"""Have PostgreSQL vacuum and analyze the queue after a fixed number of changes, however long the table is."""

from tortoise.migrations import Migration as Step

from bot.store.migrations import for_each

# Every job leaves two dead rows and, if it had a long payload, its pieces in the TOAST table.
SETTINGS = """
ALTER TABLE jobs SET (
    autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000,
    autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 5000,
    autovacuum_vacuum_cost_delay = 0,
    toast.autovacuum_vacuum_scale_factor = 0, toast.autovacuum_vacuum_threshold = 5000,
    toast.autovacuum_vacuum_cost_delay = 0
)
"""


class Migration(Step):
    """Set the storage parameters of `jobs`; SQLite needs none."""

    dependencies = [("models", "0008_found_runs")]  # noqa: RUF012 - as Tortoise declares it
    operations = [for_each(sqlite=(), postgres=(SETTINGS,))]  # noqa: RUF012
