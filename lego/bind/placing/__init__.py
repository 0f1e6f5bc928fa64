"""Where a bound operation's elements lie, and the search for it."""
