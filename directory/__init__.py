"""Who is who: hotline numbers and their modes, units, contacts, users and roles."""
