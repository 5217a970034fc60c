{{ staged_feed('sessions') }}
