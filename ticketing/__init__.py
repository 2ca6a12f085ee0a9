"""Tickets (工单): intake and the eight stages."""
