{{ staged_feed('payments') }}
