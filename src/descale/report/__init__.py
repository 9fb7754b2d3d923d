"""From a study folder to a page that a decision can be made from."""
