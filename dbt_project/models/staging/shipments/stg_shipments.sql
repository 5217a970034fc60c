{{ staged_feed('shipments') }}
