"""A pet's pages: how its week goes, its budget, what is known of it."""
