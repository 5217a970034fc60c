{{ staged_feed('tracking_events') }}
