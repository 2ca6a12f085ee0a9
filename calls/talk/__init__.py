"""What happens in a call once agent and citizen talk: hold, consult, three-way, transfer."""
