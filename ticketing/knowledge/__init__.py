"""The knowledge base (知识库): what agents, citizens and the telephone itself answer from."""
