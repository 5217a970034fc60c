{{ staged_feed('purchase_orders') }}
