"""Credit: score, limit and guarantee of sellers, from reconciled trade facts."""
