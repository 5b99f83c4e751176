"""Demo data: two owners, a staff member, two pets, a collar that really runs, two weeks of history."""
