"""A search of one's own: networks are drawn from a space, scored, and kept in an Optuna study."""
