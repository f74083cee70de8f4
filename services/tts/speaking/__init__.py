"""From clauses to audio on its way out: scheduling, caching, joining, prefetching."""
