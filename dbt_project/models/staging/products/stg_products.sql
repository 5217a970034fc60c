{{ staged_feed('products') }}
