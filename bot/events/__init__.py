"""What happens, as values: a closed set of events, one dataclass each."""
