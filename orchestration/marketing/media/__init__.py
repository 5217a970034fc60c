"""Media: what each cost, what it is credited with, what it really added, and where the next money should go."""
