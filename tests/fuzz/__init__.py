"""Coverage-guided fuzzing of everything that decodes outside bytes."""
