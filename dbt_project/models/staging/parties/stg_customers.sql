{{ staged_feed('customers') }}
