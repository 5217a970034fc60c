{{ staged_feed('forecast_overrides') }}
