"""Figures (指标) of tickets, each defined once: what it counts, by period, unit, category, area and source."""
