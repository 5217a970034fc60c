{{ staged_feed('disputes') }}
