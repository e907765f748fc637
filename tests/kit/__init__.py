"""What several tests share: made tables, real exports, grounds on which commands run."""
