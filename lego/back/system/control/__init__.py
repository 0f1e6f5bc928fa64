"""What carries out programs: sequencer, gates of engines, semaphores."""
