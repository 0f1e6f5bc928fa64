"""When things happen, relative to a timestamp's issue, and which pipeline registers a clock asks for."""
