{{ staged_feed('media_spend') }}
