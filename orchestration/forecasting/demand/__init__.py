"""The demand of a market: its series from the ledger, its calendar, and the pooled model that forecasts it."""
