"""Sessions: users each of whom asks several questions, the next from the last answer."""
