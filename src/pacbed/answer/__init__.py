"""The answer and its words: the estimate, its ranking, its report."""
