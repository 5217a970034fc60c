{{ staged_feed('fx_rates') }}
