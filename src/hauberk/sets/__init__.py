"""Balls, boxes and unions: geometry that several threats share."""
