"""Marketing: what to show to whom, where visitors are lost, which media pay."""
