{{ staged_feed('returns') }}
