"""Plans: what the forecasts mean for stock, supply, assortment and capacity.

Belongs here: lead times, order suggestions, transfers, assortment, capacity, and the job that publishes them.
Does not: forecasts of demand (see orchestration/forecasting). A site serves many markets, so nothing here is
partitioned by market; only published tables are read.
"""
