"""Sources of page pictures: full-page readers and cameras."""
