{{ staged_feed('settlements') }}
