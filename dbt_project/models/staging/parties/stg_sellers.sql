{{ staged_feed('sellers') }}
