"""办理: what happens beside a ticket's own way, as records with small tables of their own."""
