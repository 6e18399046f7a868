"""The Hypothesis profile of the rules' tests: few examples, and no deadline that a slow machine would miss."""

from hypothesis import settings

settings.register_profile("rules", deadline=None, max_examples=40, database=None)
settings.load_profile("rules")
