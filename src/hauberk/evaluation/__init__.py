"""Evaluation: network x threat x attacks x verifiers -> records."""
