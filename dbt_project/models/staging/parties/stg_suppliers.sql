{{ staged_feed('suppliers') }}
