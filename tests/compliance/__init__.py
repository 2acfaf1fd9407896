"""One corpus, every worker kind: what a client may send and what it gets must not depend on the kind."""
