{{ staged_feed('guarantee_claims') }}
