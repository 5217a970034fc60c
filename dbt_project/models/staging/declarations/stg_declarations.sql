{{ staged_feed('declarations') }}
