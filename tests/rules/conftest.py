"""The Hypothesis profile for the tests of rules: few examples, no deadline."""

from hypothesis import settings

settings.register_profile("rules", deadline=None, max_examples=40, database=None)
settings.load_profile("rules")
