"""Events as values: a closed set, one dataclass each."""
