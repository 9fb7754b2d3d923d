"""``index.html`` of a folder of results: one page for the whole job, which works without a network."""
