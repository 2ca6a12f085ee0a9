"""The kernel: settings, errors, clock, ids, database, Redis, events, privacy. It knows nothing of telephony."""
