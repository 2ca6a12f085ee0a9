"""The database's schema, revision by revision. Applied by `hotline up`, see server/provision/database.py."""
