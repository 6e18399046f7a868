"""Pages for people: what is where, why something waits, and forms to act."""
