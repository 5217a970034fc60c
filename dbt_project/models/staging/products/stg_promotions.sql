{{ staged_feed('promotions') }}
