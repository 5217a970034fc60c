"""The funnel: where visitors are lost, judged against the market's own past."""
