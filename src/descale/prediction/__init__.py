"""Photos, folders and films to masks, tables and summaries: the batch job around a network."""
