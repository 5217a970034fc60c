{{ staged_feed('orders') }}
