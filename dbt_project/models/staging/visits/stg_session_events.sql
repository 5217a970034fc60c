{{ staged_feed('session_events') }}
