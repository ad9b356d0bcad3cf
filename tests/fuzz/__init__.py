"""What fuzzing has found."""
