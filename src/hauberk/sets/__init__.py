"""Balls, boxes and unions: geometry shared by several threats."""
