"""What every intermediate representation satisfies: a file per representation, and one entry."""
