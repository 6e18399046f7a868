"""What the tests of rules share: how hard hypothesis looks. A slow machine is no fault."""

from hypothesis import settings

settings.register_profile("rules", deadline=None, max_examples=40, database=None)
settings.load_profile("rules")
