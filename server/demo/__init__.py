"""A small SIP phone, for the demonstration call and for tests: it proves that sound passes, in both directions."""
