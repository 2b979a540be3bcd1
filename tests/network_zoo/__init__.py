"""Small networks of every kind that people bring: each file's NETWORKS builds them by name, with two examples."""
