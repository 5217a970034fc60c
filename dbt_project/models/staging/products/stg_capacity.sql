{{ staged_feed('capacity') }}
