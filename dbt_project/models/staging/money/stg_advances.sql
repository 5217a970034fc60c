{{ staged_feed('advances') }}
