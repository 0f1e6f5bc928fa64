"""Parts that engines which move data have in common: registers, queues, runs of beats, words."""
